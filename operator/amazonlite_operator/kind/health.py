"""Argo CD's health check of a kind, in Lua: kstatus' conditions as Argo CD's four words."""

from __future__ import annotations

from amazonlite_operator.kube.crd import GROUP, AnyResource

_LUA = """\
-- Generated from operator/amazonlite_operator by `{command}`; do not edit.
-- In the ConfigMap argocd-cm: resource.customizations.health.{group}_{kind}
local health = {{Ready = "Healthy", Reconciling = "Progressing", Stalled = "Degraded"}}
local hs = {{status = "Progressing", message = "not observed yet"}}
if obj.metadata.deletionTimestamp ~= nil then
  hs.message = "being deleted"
  return hs
end
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return hs
end
for _, condition in ipairs(obj.status.conditions or {{}}) do
  if condition.status == "True" and health[condition.type] ~= nil then
    hs.status = health[condition.type]
    hs.message = condition.reason .. ": " .. condition.message
  end
end
return hs
"""


def lua(resource: AnyResource, command: str) -> str:
    return _LUA.format(command=command, group=GROUP, kind=resource.kind)
