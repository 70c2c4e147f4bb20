/* Runs before the first paint, so that a chosen theme never flashes. A classic script for that reason. */
(function () {
  try {
    var chosen = localStorage.getItem("theme");
    if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  } catch (error) {
    document.documentElement.dataset.themeError = error.name;
  }
})();
