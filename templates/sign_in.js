// The fragment never reaches a server. Handing it on with each link and form
// keeps it through the redirects, so that a page's #anchor survives a sign-in.
const keepFragment = () => {
  for (const link of document.querySelectorAll("a[data-fragment]")) link.hash = location.hash;
  for (const form of document.querySelectorAll("form[data-fragment]")) {
    const action = new URL(form.action);
    action.hash = location.hash;
    form.action = action;
  }
};
addEventListener("hashchange", keepFragment);
keepFragment();
