"""The Job that rehearses."""

from __future__ import annotations

from datetime import timedelta

from amazonlite.common.core.certain import certain
from amazonlite_operator.flash_sale.observation import SaleObservation
from amazonlite_operator.kind.job import Job
from amazonlite_operator.kube.crd import GROUP
from amazonlite_operator.settings import Settings

APP = "flash-sale-rehearsal"


def job_name(sale: str) -> str:
    return f"{sale}-rehearsal"


def rehearsal_job(o: SaleObservation, settings: Settings) -> Job:
    asked = certain(o.spec.rehearsal, "a Job is planned with a rehearsal in the spec only")
    begun = certain(o.status.rehearsal, "a Job is planned with a rehearsal in the status only")
    seconds = max(10, round((begun.deadline - begun.started_at) / timedelta(seconds=1)))
    return Job(
        name=job_name(o.name),
        app=APP,
        module="amazonlite_operator.flash_sale.rehearse",
        labels={f"{GROUP}/flash-sale": o.name},
        environment={
            "SALE_ID": o.rehearsal_id,
            "CUSTOMERS": str(asked.customers),
            "RATE_PER_SECOND": str(asked.rate_per_second),
            "SECONDS": str(seconds - 5),
            "GATEWAY_URL": settings.gateway_url,
            "AUTH_URL": settings.auth.url,
        },
        account="client-load",
        seconds=seconds,
    )
