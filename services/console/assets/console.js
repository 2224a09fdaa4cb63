// What pages gain where scripts run: keys, selections that count themselves, rows that open and close. Without it everything can be read and done.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const ticks = () => all('#selection input[name="account"]');

  // Says how many are selected, and offers the rest of the list.
  function count() {
    const said = document.getElementById("chosen");
    if (!said) return;
    const boxes = ticks();
    const ticked = boxes.filter((box) => box.checked).length;
    const total = Number(said.dataset.total);
    const whole = document.getElementById("all");
    if (whole) {
      whole.disabled = false;
      whole.checked = ticked > 0 && ticked === boxes.length;
      whole.indeterminate = ticked > 0 && ticked < boxes.length;
    }
    said.textContent = ticked === 0 ? "Tick rows to select them." : `${ticked.toLocaleString("en")} of ${total.toLocaleString("en")} selected`;
    for (const box of boxes) box.closest("tr").classList.toggle("ticked", box.checked);
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "all") for (const box of ticks()) box.checked = event.target.checked;
    if (event.target.closest("#selection")) count();
  });
  document.addEventListener("htmx:afterSwap", count);
  document.addEventListener("DOMContentLoaded", count);
  window.addEventListener("pageshow", count);

  // A second click on an opened row closes it.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const link = event.target.closest?.("a.expand");
    if (!link) return;
    const next = link.closest("tr").nextElementSibling;
    const isOpen = next?.classList.contains("opened");
    link.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) {
      next.remove();
      event.preventDefault();
    }
  });

  // One menu is open at a time; Escape and a click elsewhere close it.
  document.addEventListener("click", (event) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  const places = { u: "/users", g: "/groups", d: "/dashboard", o: "/operations", t: "/tasks", s: "/syncs" };
  let going = false;
  const rows = () => all("table.rows tbody tr:not(.opened)");
  const here = () => rows().findIndex((row) => row.contains(document.activeElement));
  function move(by) {
    const list = rows();
    const row = list[Math.min(list.length - 1, Math.max(0, here() + by))];
    (row?.querySelector("a.open") ?? row?.querySelector("a"))?.focus();
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      for (const menu of all("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      return;
    }
    if (event.target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select")) return;
    if (going) {
      going = false;
      if (places[event.key]) window.location.assign(places[event.key]);
      return;
    }
    const row = rows()[here()];
    const act = {
      "/": () => document.getElementById("q")?.focus(),
      j: () => move(1),
      k: () => move(-1),
      x: () => row?.querySelector('input[type="checkbox"]')?.click(),
      o: () => row?.querySelector("a.expand")?.click(),
      g: () => { going = true; },
      "?": () => window.location.assign("/help#keys"),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
