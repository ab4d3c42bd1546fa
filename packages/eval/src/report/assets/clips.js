// Filter buttons over the clip cards; each card lists its tags in `data-tags`.
const bar = document.getElementById("clip-filter");
if (bar) {
  const cards = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".clip")]);
  const count = bar.querySelector(".count");
  /** @param {string} tag */
  const show = (tag) => {
    let shown = 0;
    for (const card of cards) {
      const on = tag === "" || (card.dataset.tags ?? "").split(" ").includes(tag);
      card.hidden = !on;
      if (on) shown += 1;
    }
    if (count) count.textContent = `${shown} of ${cards.length}`;
    for (const b of bar.querySelectorAll("button")) b.classList.toggle("on", b.dataset.tag === tag);
  };
  bar.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target).closest("button");
    if (target) show(target.dataset.tag ?? "");
  });
  show("");
}
