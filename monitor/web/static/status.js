// Reads the status page again every minute. Without it the page is read again by reloading.
"use strict";

{
  const lost = document.getElementById("lost");
  const said = document.getElementById("said");
  const main = document.querySelector("main");

  let shown = "";

  function show(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    main.replaceChildren(...document.adoptNode(fresh.querySelector("main")).childNodes);
    if (fresh.title !== document.title) said.textContent = main.querySelector("h1").textContent;
    document.title = fresh.title;
  }

  function markLost(isLost) {
    if (isLost === lost.hidden) lost.textContent = isLost ? lost.dataset.says : "";
    lost.hidden = !isLost;
  }

  async function refresh() {
    try {
      const answer = await fetch(location.href, { cache: "no-cache", signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(answer.statusText);
      const html = await answer.text();
      if (html !== shown) show(html);
      shown = html;
      markLost(false);
    } catch {
      markLost(true);
    }
  }

  setInterval(refresh, 60000);
  addEventListener("online", refresh);
}
