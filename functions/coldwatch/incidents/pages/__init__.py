"""The page behind a responder's link: HTML out of what is known. Pure; no script, no asset of anybody else's.

Read in this order: `document` (the frame of every page), `chart`, `incident_page`, `answers` (the other pages).
"""
