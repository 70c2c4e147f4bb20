/**
 * What is shown beside the conversation: the sidebar (a drawer on a phone), the members, the sandbox panel.
 * On narrow windows only one is open at a time, above a scrim that closes it.
 */

const NARROW = matchMedia("(max-width: 820px)");
const NAMES = ["sidebar", "members", "sandbox-panel"];

/** @param {(name: string, open: boolean) => void} onChange */
export function createPanels(onChange) {
  const app = document.getElementById("app");
  const scrim = document.getElementById("scrim");
  const openPanels = new Set();

  function set(name, open) {
    if (open && NARROW.matches) for (const other of NAMES) if (other !== name) apply(other, false);
    apply(name, open);
  }

  function apply(name, open) {
    if (open) openPanels.add(name);
    else openPanels.delete(name);
    const element = document.getElementById(name);
    const hidden = !open && (name !== "sidebar" || NARROW.matches);
    element.inert = hidden;
    app.classList.toggle(`show-${name}`, open);
    app.classList.toggle("has-drawer", NARROW.matches && openPanels.size > 0);
    onChange(name, open);
  }

  function arrange() {
    for (const name of NAMES) apply(name, name === "members" && !NARROW.matches);
  }

  const closeDrawers = () => {
    if (NARROW.matches) for (const name of [...openPanels]) apply(name, false);
  };
  NARROW.addEventListener("change", arrange);
  scrim.addEventListener("click", closeDrawers);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) closeDrawers();
  });
  return {
    arrange,
    closeDrawers,
    isOpen: (name) => openPanels.has(name),
    toggle: (name) => set(name, !openPanels.has(name)),
  };
}
