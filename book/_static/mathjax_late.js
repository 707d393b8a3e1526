// MathJax is a megabyte, and busy for a while: first the page is shown.
// The promise `maths` is there at once and settles when the formulas are set.
(() => {
    const src = new URL("vendor/mathjax/tex-chtml.js", document.currentScript.src);
    const painted = (next) => (document.hidden ? setTimeout(next) : requestAnimationFrame(() => setTimeout(next)));
    window.maths = new Promise((settle) => {
        const onload = () => settle(MathJax.startup.promise);
        const script = Object.assign(document.createElement("script"), { src, onload, onerror: settle });
        addEventListener("load", () => painted(() => document.head.append(script)));
    });
})();
