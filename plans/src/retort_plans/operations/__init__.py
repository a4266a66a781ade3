"""The operations of the plan language, a module for each family; `retort_plans.catalogue` lists them all."""
