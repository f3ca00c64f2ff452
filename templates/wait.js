// Loads the page again, and not under the hands of somebody who is using it,
// unless that takes a minute.
const again = document.getElementById("again");
const isUsed = () =>
  document.hasFocus() && (document.activeElement !== document.body || !getSelection().isCollapsed);
let patience = 60;
const look = () => {
  if (isUsed() && patience-- > 0) setTimeout(look, 1000);
  else location.replace(again.href);
};
setTimeout(look, Number(again.dataset.after) * 1000);
