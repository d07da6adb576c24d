// The agent's page by keyboard: / searches, arrows choose, Enter opens and then copies.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const results = () => [...document.querySelectorAll("#results a.result")];
  const types = (element) => element.matches("input, textarea, select, [contenteditable]");
  let openedByKeyboard = false;
  let focusWhenOpen = false; // set once the macro is asked for: what comes in before is of what was open until then
  let openWhenFound = false;

  const step = (event, by) => {
    const links = results();
    const at = links.indexOf(document.activeElement);
    const next = at + by;
    event.preventDefault();
    if (next < 0) byId("q").focus();
    else if (next < links.length) links[next].focus();
  };

  // Enter may come before the results for the last letters: then the first result is opened when they are there.
  const isCurrent = () => document.querySelector("#results .found")?.dataset.for === byId("q").value.trim();
  const openFirst = () => results()[0]?.click();
  const open = (event) => {
    openedByKeyboard = true;
    if (isCurrent()) {
      event.preventDefault();
      openFirst();
    } else {
      openWhenFound = true; // and the form is submitted, which searches at once
    }
  };

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const inSearch = event.target === byId("q");
    const inResults = event.target.matches("a.result");
    if (event.key === "/" && !types(event.target)) {
      event.preventDefault();
      byId("q").select();
    } else if (inSearch && event.key === "Enter") {
      open(event);
    } else if (inResults && event.key === "Enter") {
      openedByKeyboard = true;
    } else if ((inSearch || inResults) && event.key === "ArrowDown") {
      step(event, 1);
    } else if (inResults && event.key === "ArrowUp") {
      step(event, -1);
    }
  });

  // Fields whose value the open macro lacks stand out until they are filled.
  const showMissing = () => {
    const missing = (document.querySelector("[data-missing]")?.dataset.missing ?? "").split(" ");
    for (const field of document.querySelectorAll("[data-placeholder]")) {
      field.classList.toggle("is-missing", missing.includes(field.dataset.placeholder));
    }
  };
  showMissing();

  const showOpen = () => {
    const opened = byId("ticket").elements.macro.value;
    for (const link of results()) {
      const macro = JSON.parse(link.getAttribute("hx-vals")).macro;
      if (macro === opened) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };

  // What is said once a text is copied: also where the preview that was on its way meanwhile comes in.
  let copied = "";
  const showCopied = () => {
    const use = byId("use");
    if (!copied || use?.elements.event_id.value !== copied) return;
    byId("copied").textContent = byId("copied").dataset.text;
    use.hidden = false;
  };

  // Another language is another text: the open macro is filled in again, as a use of its own.
  document.addEventListener("change", (event) => {
    if (event.target.id !== "locale") return;
    const ticket = byId("ticket").elements;
    ticket.locale.value = event.target.value;
    ticket.event_id.value = "";
    if (ticket.macro.value) htmx.trigger("#ticket", "kb:language");
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id === "results") {
      showOpen();
      if (openWhenFound) openFirst();
      openWhenFound = false;
    }
    if (event.detail.target.id === "used") byId("ticket").elements.event_id.value = ""; // the next use is another one
    if (event.detail.target.id !== "preview") return;
    showMissing();
    byId("ticket").elements.event_id.value = byId("use")?.elements.event_id.value ?? "";
    showOpen();
    showCopied();
    if (event.detail.requestConfig.elt.matches("a.result")) byId("preview").scrollIntoView({ block: "nearest" });
    // A preview of before may settle after another macro was asked for; the focus waits for that one.
    if (!focusWhenOpen || byId("use")?.elements.macro.value !== byId("ticket").elements.macro.value) return;
    byId("copy-button").focus({ preventScroll: true });
    focusWhenOpen = false;
  });
  // The ticket remembers which macro is open, so that what is typed into it meanwhile fills in the right one.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target.id !== "preview") return;
    copied = "";
    byId("copy-failed").hidden = true;
    if (!event.detail.elt.matches("a.result")) return;
    focusWhenOpen = openedByKeyboard;
    openedByKeyboard = false;
    const { macro, locale, event_id } = JSON.parse(event.detail.elt.getAttribute("hx-vals"));
    Object.entries({ macro, locale, event_id }).forEach(([name, value]) => { byId("ticket").elements[name].value = value; });
  });

  // Rich text for e-mail and plain text for chat; where the page is not served securely, the selection is copied.
  const copy = async () => {
    const rich = byId("macro-text");
    if (navigator.clipboard?.write && window.ClipboardItem) {
      const as = (text, type) => new Blob([text], { type });
      const item = new ClipboardItem({
        "text/html": as(rich.innerHTML, "text/html"),
        "text/plain": as(byId("macro-plain").value, "text/plain"),
      });
      await navigator.clipboard.write([item]);
      return;
    }
    const selection = window.getSelection();
    selection.selectAllChildren(rich);
    const done = document.execCommand("copy");
    selection.removeAllRanges();
    if (!done) throw new Error("copying was refused");
  };

  // Copying is not sending: what became of the text is asked afterwards, and may be left unsaid.
  document.addEventListener("click", async (event) => {
    if (event.target.id !== "copy-button") return;
    byId("copy-failed").hidden = true;
    try {
      await copy();
    } catch {
      byId("copy-failed").hidden = false;
      return;
    }
    copied = byId("use")?.elements.event_id.value ?? "";
    showCopied();
  });
})();
