// When to draw: at most once a frame, and not at all while nobody can see it.

/** @type {Set<() => void>} */
const wanted = new Set();
let isAsked = false;

function draw() {
  isAsked = false;
  const due = [...wanted];
  wanted.clear();
  for (const one of due) one();
}

function ask() {
  if (isAsked || document.hidden || !wanted.size) return;
  isAsked = true;
  requestAnimationFrame(draw);
}

/**
 * Draw with the next frame; asked twice it is drawn once.
 * @param {() => void} what
 */
export function soon(what) {
  wanted.add(what);
  ask();
}

/**
 * Every second while the page is looked at, and at once when it is looked at again.
 * @param {() => void} what
 * @returns {() => void} how to stop it
 */
export function everySecond(what) {
  const timer = setInterval(() => document.hidden || what(), 1000);
  const back = () => document.hidden || what();
  document.addEventListener("visibilitychange", back);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", back);
  };
}

document.addEventListener("visibilitychange", () => {
  isAsked = false;
  ask();
});
