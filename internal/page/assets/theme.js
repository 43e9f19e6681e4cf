// Runs before the page is drawn, so that it is never drawn in the other theme first.
(() => {
  const root = document.documentElement;
  root.classList.add("script");
  let theme;
  try {
    theme = localStorage.getItem("whodid.theme");
  } catch {
    return; // a browser that keeps nothing shows the theme of its system
  }
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
})();
