// Sets theme and language before the first paint, so that nothing flashes. The only script that is not a module.
(() => {
  /** @param {string} name */
  const kept = (name) => {
    try {
      return localStorage.getItem(`perpmaker.${name}`);
    } catch {
      return null; // storage is off: the browser's own wishes count
    }
  };
  const theme = kept("theme");
  const isDark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  document.documentElement.lang = kept("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
})();
