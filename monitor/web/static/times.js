// Puts the reader's own time beside the site's, where their clocks differ. Without it the site's times stand alone.
"use strict";

{
  const zones = document.getElementById("zones");
  const changing = document.getElementById("live") ?? document.querySelector("main");
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

  function formats(options) {
    return [zones.dataset.zone, own].map((timeZone) => new Intl.DateTimeFormat(language, { ...options, timeZone }));
  }

  function differ([site, mine], at) {
    return site.format(at) !== mine.format(at);
  }

  function told(text, value) {
    return text.replace("{}", () => value);
  }

  // A function of an instant: the reader's time, with its weekday where that is another, or "" where it is the site's.
  function reader() {
    const times = formats(clock);
    const days = formats({ dateStyle: "short" });
    const weekday = new Intl.DateTimeFormat(language, { weekday: "short" });
    return (at) => {
      const other = differ(days, at);
      if (!other && !differ(times, at)) return "";
      return `${other ? `${weekday.format(at)} ` : ""}${times[1].format(at)}`;
    };
  }

  function append(time, own) {
    const beside = document.createElement("span");
    beside.className = "own";
    beside.textContent = `(${told(zones.dataset.time, own)})`;
    time.append(" ", beside);
  }

  function add(mine) {
    for (const time of document.querySelectorAll('time[datetime*="T"]:not([data-own])')) {
      time.dataset.own = mine(new Date(time.dateTime));
      if (time.dataset.own) append(time, time.dataset.own);
    }
    const differs = mine(new Date()) || document.querySelector('time[data-own]:not([data-own=""])');
    zones.textContent = differs ? ` ${told(zones.dataset.says, own)}` : "";
  }

  if (zones) {
    const mine = reader();
    add(mine);
    new MutationObserver(() => add(mine)).observe(changing, { childList: true });
  }
}
