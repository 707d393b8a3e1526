"""`python -m headstart.press.pdf`: print the whole book into one PDF, by headless Chromium and without TeX."""

import argparse
import shutil
import sys
from pathlib import Path

from headstart.press import build

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SITE = Path("_build", "singlehtml")
PDF = Path("_build", "headstart.pdf")
LEFT_OUT = ("book/mock_interview", "book/question_bank", "book/kill_matrix")  # to be used, not to be read

# On Sphinx's one page links to labels lead to another page, and the contents stand in the sidebar. Of an answer sheet
# only the answers are printed: the rest is the chapter once more.
PREPARE = """async (leftOut) => {
    for (const link of document.querySelectorAll('article a[href^="book/index.html#"]'))
        link.setAttribute('href', link.getAttribute('href').replace('book/index.html', ''));
    document.querySelector('#jb-print-toc')?.remove();
    const contents = document.createElement('nav');
    contents.className = 'book-contents';
    contents.innerHTML = '<p>Contents</p>';
    for (const start of document.querySelectorAll('article [id^="document-"]')) {
        const name = start.id.replace('document-', ''), chapter = start.nextElementSibling;
        const title = chapter?.querySelector('h2');
        if (!title) continue;
        start.removeAttribute('id');
        if (leftOut.includes(name)) { chapter.remove(); continue; }
        if (name.startsWith('solutions/'))
            chapter.replaceChildren(title, ...chapter.querySelectorAll('.tag_exercise:not(.copy *)'));
        title.querySelector('.headerlink')?.remove();
        title.id = `document-${name}`;
        const line = contents.appendChild(document.createElement('a'));
        line.href = `#${title.id}`;
        line.append(title.textContent, document.createElement('span'));
    }
    document.querySelector('article .toctree-wrapper').before(contents);
    await window.maths;
}"""
NUMBER = """(pages) => document.querySelectorAll('.book-contents a').forEach((line) => {
    line.lastChild.textContent = pages[decodeURI(line.hash.slice(1))];
})"""


def chromium():
    """Where a Chromium lies on this machine, or None."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


def print_book(browser_path, page_path, pdf_path):
    """Print the book's one page into a PDF, with page numbers in its contents."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--disable-gpu", "--disable-quic"])
        page = browser.new_page(color_scheme="light")
        page.set_default_timeout(0)  # a whole book's maths takes its time
        page.goto(page_path.as_uri())
        page.evaluate(PREPARE, LEFT_OUT)
        page.pdf(path=pdf_path, prefer_css_page_size=True)
        page.evaluate(NUMBER, page_numbers(pdf_path))  # known only now; they change no line's height
        page.pdf(path=pdf_path, prefer_css_page_size=True, outline=True, tagged=True)
        browser.close()


def page_numbers(path):
    """The pages on which the places begin that something links to."""
    from pypdf import PdfReader

    reader = PdfReader(path)
    places = reader.named_destinations.items()
    return {name.removeprefix("/"): reader.get_destination_page_number(place) + 1 for name, place in places}


def main(arguments=None):
    """Build and print the book; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m headstart.press.pdf", description=__doc__.strip())
    parser.add_argument("--root", type=Path, default=Path(), help="the course's folder (default: this one)")
    root = parser.parse_args(arguments).root.resolve()
    if not (found := chromium()):
        print(f"pdf: there is no Chromium here; install one ({', '.join(CHROMIUM)}).", file=sys.stderr)
        return 1
    if code := build.book(root, "singlehtml"):
        return code
    page = root / SITE / "print.html"  # one folder higher than Sphinx puts it, where its addresses are right
    shutil.copy(root / SITE / "book" / "index.html", page)
    print_book(found, page, root / PDF)
    print(f"The book lies in {root / PDF}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
