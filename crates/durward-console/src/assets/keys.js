"use strict";
// Keys move the focus; nothing is decided without Enter or a click on a button that has it.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== "Escape")) return;
  const focus = (selector) => {
    const found = document.querySelector(selector);
    if (found) { found.focus(); found.scrollIntoView({ block: "nearest" }); event.preventDefault(); }
  };
  const move = (step) => {
    const all = [...document.querySelectorAll(".requests a")];
    const at = all.indexOf(document.activeElement);
    const next = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
    if (next) { next.focus(); event.preventDefault(); }
  };
  switch (event.key) {
    case "a": focus("#approve"); break;
    case "r": focus("#reject"); break;
    case "n": focus("#note"); break;
    case "j": move(1); break;
    case "k": move(-1); break;
    case "u": location.assign("/"); break;
    case "Escape": document.activeElement.blur(); break;
  }
});
// A second click on a decision that is under way does nothing.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) { event.preventDefault(); return; }
  event.target.dataset.sent = "yes";
});
// What becomes of the request that is shown.
const { watch, version } = document.body.dataset;
const look = async () => {
  const answer = await fetch(`/api/v1/requests/${watch}?wait=45&after=${encodeURIComponent(version)}`);
  if (!answer.ok) return false;
  const news = await answer.json();
  if (news.version !== version) {
    const typed = [...document.querySelectorAll("input[name=note]")].some((field) => field.value);
    if (!typed) { location.reload(); return false; }
    const message = document.createElement("p");
    message.className = "message";
    message.textContent = `This request is ${news.state} by now.`;
    document.querySelector("main").prepend(message);
    return false;
  }
  return true;
};
const keepLooking = async () => {
  try { while (await look()); } catch { setTimeout(keepLooking, 5000); }
};
if (watch) keepLooking();
