// Closes the menu "More" with Escape, and when the focus leaves it: open, it would hide what has the focus then.
"use strict";

{
  const menu = document.querySelector(".more");

  function escape(event) {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  }

  if (menu) {
    document.addEventListener("keydown", escape);
    menu.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
    });
    document.addEventListener("click", (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  }
}
