"""Take the README's picture anew, while `make run` serves: `python -m tests.bench.readme_picture URL`."""

import shutil
import sys

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def main(url: str) -> None:
    """Ask about a lost card in Spanish and keep the answer as docs/images/help.png."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1100, "height": 840})
        page.goto(f"{url}/help?lang=es-MX")
        page.get_by_role("textbox").fill("perdi mi tarjeta en el metro, que hago?")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="tarjeta").wait_for()
        page.screenshot(path="docs/images/help.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
