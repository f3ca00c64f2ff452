// The fragment never reaches a server. Handing it on with each link and form
// keeps it through the redirects, so that a page's #anchor survives a sign-in.
const keepFragment = () => {
  for (const link of document.querySelectorAll("a[data-fragment]")) link.hash = location.hash;
  for (const form of document.querySelectorAll("form[data-fragment]")) {
    // By attribute: a field called "action" would hide the form's own property.
    const action = new URL(form.getAttribute("action"), document.baseURI);
    action.hash = location.hash;
    form.setAttribute("action", action);
  }
};
addEventListener("hashchange", keepFragment);
keepFragment();
