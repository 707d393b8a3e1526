// "Try it here": a button under every stub. What is behind it is loaded when a reader presses it, and not before.

(() => {
  const home = document.currentScript.src;
  const AS_A_FILE =
    "This page was opened as a file, and browsers run Python only on pages that come from a server: " +
    "say `python -m http.server --directory _build/html` and open the address that it names.";

  const element = (name, words, attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = words;
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  };

  /** The panel at a place, or a line that says why there is none. */
  const open = async (place) => {
    if (location.protocol === "file:") return element("p", AS_A_FILE, { role: "status" });
    try {
      const { panel } = await import(new URL("panel.js", home));
      const stub = place.parentElement.querySelector("pre").textContent.trimEnd();
      return await panel(place.dataset, stub);
    } catch {
      return element("p", "The editor could not be loaded: is the network there?", { role: "status" });
    }
  };

  document.querySelectorAll(".try-it").forEach((place) => {
    const name = place.dataset.exercise;
    const button = element("button", "Try it here", { type: "button", "aria-expanded": "false" });
    const hint = element("span", ` ${name}`, { class: "visually-hidden" });
    let shown = null;
    button.append(hint);
    button.addEventListener("click", async () => {
      const isOpen = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!isOpen));
      if (!shown) place.append((shown = await open(place)));
      shown.hidden = isOpen;
      if (!isOpen) shown.querySelector("[contenteditable]")?.focus();
    });
    place.append(button);
  });
})();
