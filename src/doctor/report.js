// Copying, and what a page without a script cannot do: tell assistive software the language that was
// chosen, and open what is folded before it is printed.
(() => {
  "use strict";
  const root = document.documentElement;
  for (const pick of document.querySelectorAll("input[name=lang]")) {
    pick.addEventListener("change", () => { root.lang = pick.value; });
  }

  const byHand = (pre) => {
    const range = document.createRange();
    range.selectNodeContents(pre);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    const done = document.execCommand("copy");
    selection.removeAllRanges();
    return done;
  };
  const copy = async (pre) => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      return true;
    } catch {
      return byHand(pre);
    }
  };
  for (const button of document.querySelectorAll("button.copy")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      if (await copy(button.parentElement.querySelector("pre"))) {
        button.textContent = button.dataset.done;
        setTimeout(() => { button.textContent = label; }, 2000);
      }
    });
  }

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.finding:not([open])")];
    opened.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => { opened.forEach((one) => { one.open = false; }); });
})();
