/** Dark or light: the system's choice until the person makes one, which the browser then keeps. */

const dark = matchMedia("(prefers-color-scheme: dark)");

/** @param {() => void} onChange called after every change, also the system's */
export function createTheme(onChange) {
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  dark.addEventListener("change", onChange);
  return {
    isDark,
    toggle() {
      root.dataset.theme = isDark() ? "light" : "dark";
      remember(root.dataset.theme);
      onChange();
    },
  };
}

/** A browser may forbid storage; the choice then holds for this page only. */
function remember(theme) {
  try {
    localStorage.setItem("theme", theme);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}
