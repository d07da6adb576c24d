// What every page needs beyond htmx: sending with Enter, the focus on what is new, and a word when the network is gone.
(() => {
  "use strict";

  // Enter sends a question, Shift+Enter begins a new line, and Enter that ends an input method's word does neither.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    if (!event.target.matches("[data-enter-submits]")) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });

  // After a swap the reader, and her screen reader, continue at what she asked for.
  document.addEventListener("htmx:afterSettle", (event) => {
    const swapped = event.detail.target;
    const target = swapped.querySelector("[data-focus=first]") ?? swapped.querySelector("[data-focus]");
    if (!target || target === document.activeElement) return;
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: "nearest" });
  });

  // The language switch keeps the query that htmx has put into the address since the page was loaded.
  const keepQuery = () => {
    for (const link of document.querySelectorAll("a[data-language]")) {
      const query = new URLSearchParams(window.location.search);
      query.set("lang", link.dataset.language);
      link.href = `?${query}`;
    }
  };
  document.addEventListener("htmx:pushedIntoHistory", keepQuery);
  document.addEventListener("htmx:replacedInHistory", keepQuery);

  const offline = () => document.getElementById("offline");
  document.addEventListener("htmx:sendError", () => { offline().hidden = false; });
  document.addEventListener("htmx:beforeRequest", () => { offline().hidden = true; });
})();
