import pytest
from app import create_app
from flask.testing import FlaskClient
from pytest_doorward import App, Doorward, Settings


@pytest.fixture(scope="session")
def doorward_settings() -> Settings:
    return Settings(apps=[App("notes.localhost")])


@pytest.fixture
def client(doorward: Doorward) -> FlaskClient:
    """The application, which takes the emulator for its team."""
    app = create_app(doorward.team_url, doorward.aud(), doorward.certs_url)
    return app.test_client()
