"""The flows that a site must have, may have, and needs only at other times: catalog x site.

    catalog = load_catalog()                        # portwright.catalog.load; own files: load_catalog([path, ...])
    site = load_site(path, catalog)                 # portwright.site.load
    plan = make_plan(catalog, site, phases, today)  # portwright.plan.make; phases default to run and administer

`plan.model.Plan` holds the flows as `RequiredFlow`s, each with its packets as sets: what must pass and what may.

- required R = the union of `packets` of the `required` flows, less `excepted`
- permitted A = the union of `permitted` of all `flows`, with `accepted` and `tolerated`; what `accepted_rules` name too
- flows of `others` are known but not permitted now: `RequiredFlow.label` says why ("needed only in setup")

A flow's `routes` are alternatives that must all pass; none at all means that nobody declared a path, and `findings`
says so. A `Crossing` names the point, the hook (forward; output first on the source host, input last on the
destination host) and the interfaces, None where the site does not say. `legs` and `breaks` lead to scenarios.
"""
