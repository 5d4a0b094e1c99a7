-- Generated from operator/amazonlite_operator by `python -m amazonlite_operator.generate`; do not edit.
-- In the ConfigMap argocd-cm: resource.customizations.health.amazonlite.dev_FlashSale
local health = {Ready = "Healthy", Reconciling = "Progressing", Stalled = "Degraded"}
local hs = {status = "Progressing", message = "not observed yet"}
if obj.metadata.deletionTimestamp ~= nil then
  hs.message = "being deleted"
  return hs
end
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return hs
end
for _, condition in ipairs(obj.status.conditions or {}) do
  if condition.status == "True" and health[condition.type] ~= nil then
    hs.status = health[condition.type]
    hs.message = condition.reason .. ": " .. condition.message
  end
end
return hs
