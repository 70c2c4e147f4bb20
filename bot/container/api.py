"""Builds the API; imported only when it is on."""

from __future__ import annotations

from bot.api.server import ApiOptions, ApiServer, ApiServices
from bot.clock import Clock
from bot.container.services import ApiParts
from bot.domain.queue.store import QueueLimits, RequestStore
from bot.services.requests.program_requests import ProgramOptions, ProgramRequests
from bot.settings import Settings
from bot.tasks.background import Background
from bot.telemetry.meters import ApiMeter


def build_api(
    settings: Settings,
    store: RequestStore,
    background: Background,
    clock: Clock,
    owner: str,
    parts: ApiParts,
    meter: ApiMeter,
) -> ApiServer:
    """Assemble the API; listens on nothing. ``owner`` names this process in the database."""
    queue = parts.queue
    requests = ProgramRequests(
        store=store,
        live_answers=queue.live_answers,
        programs=queue.programs,
        gate=queue.gate,
        slots=queue.slots,
        clusters=parts.clusters,
        dispatcher=queue.dispatcher,
        cancellation=queue.cancellation,
        quotas=parts.quotas,
        operators=parts.operators,
        profiles=parts.profiles,
        estimator=parts.estimator,
        background=background,
        clock=clock,
        options=ProgramOptions(
            limits=QueueLimits(per_user=settings.api_max_per_user, total=settings.queue_max_total),
            weight=settings.api_weight,
            keeps_text=settings.api_keep,
            owner=owner,
        ),
    )
    services = ApiServices(parts.keys, parts.clusters, parts.overview, requests)
    options = ApiOptions(settings.api_bind, settings.api_hosts, settings.api_cors_origins)
    return ApiServer(services, options, clock, meter)
