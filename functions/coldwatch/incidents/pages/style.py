"""The one style of every page. No font, image or rule comes from anywhere else.

Calm first: one colour says how it stands, one thing may be pressed without looking twice. What is pressed is at least
44 pixels high (WCAG 2.2, 2.5.8 asks for 24), and nothing is fixed to the window, so that no focus is ever hidden.
"""

STYLE = """
:root{color-scheme:light dark;--ink:#14191f;--muted:#4a545e;--paper:#eef1f4;--card:#fff;--line:#cbd2d9;--edge:#6b7681;
--link:#0b57a4;--go:#0a6437;--go-ink:#fff;--bad:#a3170f;--bad-soft:#fbe4e2;--ok:#0a6437;--ok-soft:#e0f2e7;--warn:#744d00;
--warn-soft:#fdf0cc;--calm:#2f4a66;--calm-soft:#e6edf4;--trace:#0b57a4;--shade:#f8d3cf}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf0;--muted:#a9b4be;--paper:#0b0f13;--card:#151b21;--line:#313a44;
--edge:#8a96a2;--link:#8fc1ff;--go:#45b87d;--go-ink:#04120a;--bad:#ff9f96;--bad-soft:#381614;--ok:#7fd8a6;--ok-soft:#10281b;
--warn:#f3cb6b;--warn-soft:#332708;--calm:#a9c8e8;--calm-soft:#15222f;--trace:#8fc1ff;--shade:#4d1f1b}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;font:1.0625rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--ink);
background:var(--paper);overflow-wrap:anywhere}
main,footer{max-width:42rem;margin:0 auto;padding:.9rem 1rem 0}
footer{padding-bottom:2.5rem;color:var(--muted);font-size:.9rem}
h1{font-size:1.7rem;line-height:1.2;margin:.35rem 0 .1rem}
h2{font-size:1.1rem;line-height:1.3;margin:0 0 .6rem}
p{margin:.4rem 0}
a{color:var(--link)}
.where{color:var(--muted);margin:0}
section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1rem;margin:.9rem 0}
.tags{margin:0}
.tag{display:inline-block;padding:.05rem .65rem;border-radius:1rem;font-weight:600;font-size:.9rem;border:1px solid}
.critical,.stop{background:var(--bad-soft);color:var(--bad)}
.warning,.asked,.open{background:var(--warn-soft);color:var(--warn)}
.yours,.resolved{background:var(--ok-soft);color:var(--ok)}
.theirs,.acknowledged,.snoozed{background:var(--calm-soft);color:var(--calm)}
.say{border:1px solid;border-left-width:.4rem;padding:.8rem 1rem}
.say h2{font-size:1.25rem;margin:0 0 .15rem}
.say p{color:var(--ink)}
button,summary,select,textarea,input,.button{min-height:2.75rem;font:inherit}
button,.button{width:100%;padding:.55rem 1rem;font-weight:600;border:1px solid var(--edge);border-radius:.6rem;
background:var(--card);color:var(--ink);cursor:pointer;touch-action:manipulation}
.button{display:block;text-align:center;text-decoration:none}
.main{min-height:3.9rem;font-size:1.3rem;font-weight:700;background:var(--go);color:var(--go-ink);border-color:var(--go);
margin-top:.7rem}
:focus-visible{outline:3px solid var(--link);outline-offset:3px;border-radius:.3rem}
form+form,form+details,details+details{margin-top:.7rem}
.row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(8rem,100%),1fr));gap:.6rem}
label,.label{display:block;font-weight:600;margin:.7rem 0 .3rem}
.hint{color:var(--muted);font-size:.95rem;font-weight:400}
.fault{color:var(--bad);font-weight:600}
textarea,select,input{width:100%;padding:.55rem .7rem;border:1px solid var(--edge);border-radius:.5rem;
background:var(--card);color:var(--ink)}
textarea{min-height:5.5rem;resize:vertical}
[aria-invalid=true]{border:2px solid var(--bad)}
.code{font-size:1.5rem;letter-spacing:.2em;font-variant-numeric:tabular-nums}
summary{display:flex;align-items:center;gap:.6rem;padding:.3rem 0;font-weight:600;cursor:pointer;list-style:none}
summary::-webkit-details-marker{display:none}
summary::before{content:"";width:.5rem;height:.5rem;border:solid var(--edge);border-width:0 2px 2px 0;
transform:rotate(-45deg);flex:none;margin:0 .2rem}
details[open]>summary::before{transform:rotate(45deg)}
.acts details{border-top:1px solid var(--line)}.acts details:first-of-type{border-top:0}
.acts details+details{margin:0}.acts details[open]{padding-bottom:.8rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(7.4rem,100%),1fr));gap:.8rem 1rem;margin:0}
.figures div{display:flex;flex-direction:column}
.figures dd{font-size:1.35rem;font-weight:650;line-height:1.25;font-variant-numeric:tabular-nums}
.figures .hint{font-size:.9rem;font-weight:400}
dt{color:var(--muted);font-size:.95rem}dd{margin:0}
.facts{display:grid;grid-template-columns:minmax(6rem,36%) 1fr;gap:.35rem .9rem;margin:0}
@media (max-width:20rem){.facts{display:block}.facts dd{margin-bottom:.5rem}}
svg{display:block;width:100%;height:auto}
figure{margin:0}figcaption{color:var(--muted);font-size:.95rem;margin-top:.4rem}
.axis{stroke:var(--line)}.limit{stroke:var(--bad);stroke-dasharray:6 4;stroke-width:1.5}
.trace{fill:none;stroke:var(--trace);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.shade{fill:var(--shade)}
.gap{fill:var(--calm-soft)}.late{fill:var(--warn)}
.newest{fill:var(--trace);stroke:var(--card);stroke-width:1.5}
svg text{fill:var(--muted);font-size:13px;font-family:system-ui,sans-serif;paint-order:stroke;stroke:var(--card);
stroke-width:3px}svg .limit-name{fill:var(--bad)}
ol{list-style:none;margin:0;padding:0}li{padding:.45rem 0;border-top:1px solid var(--line)}
li:first-child{border-top:0;padding-top:0}
time,.meta{font-variant-numeric:tabular-nums}li time,li .meta{color:var(--muted);font-size:.9rem;display:block}
.bad{color:var(--bad)}
@media (prefers-reduced-motion:no-preference){summary::before{transition:transform .12s}}
@media (min-width:46rem){main,footer{padding-left:1.5rem;padding-right:1.5rem}section{padding:1.1rem 1.3rem}}
@media (forced-colors:active){.tag,.say,button,.button{border:1px solid}}
"""
