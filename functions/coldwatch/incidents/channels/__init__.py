"""How a responder is told: which ways there are to a contact, and what is said on each of them. Pure.

Read in this order: `ways` (which ways, in which order), `payloads` and `html_mail` (what is said), `destinations`
(where a message may go), `signature` (how a receiver knows that it is ours).
"""
