import { withDoorward } from '@doorward/test/playwright';
import { test as base, expect } from '@playwright/test';

const test = withDoorward(base, { apps: [{ host: 'notes.localhost' }] });

test('a page is signed in without a page of a sign-in', async ({ page }) => {
  await page.goto('/?from=a-link');
  expect(new URL(page.url()).search).toBe('?from=a-link');
  await expect(page.locator('body')).toContainText('alice@example.com');
});

test.describe('as somebody else', () => {
  test.use({ accessUser: { email: 'dora@example.com', name: 'Dora', groups: ['staff'] } });

  test('she is greeted', async ({ page }) => {
    await page.goto('/');
    await expect(page.locator('body')).toContainText('dora@example.com');
  });
});

test.describe('as nobody', () => {
  test.use({ accessUser: null });

  test('one is asked who one is, and may choose', async ({ page, doorward }) => {
    await page.goto('/');
    expect(page.url()).toContain(`${doorward.teamUrl}/cdn-cgi/`);
    await expect(page).toHaveTitle(/Sign in/);
  });
});

test('a session that ends sends the next page to sign in', async ({ page, doorward }) => {
  await page.goto('/');
  await doorward.clock.advance('25h');
  await page.goto('/again');
  expect(page.url()).toContain(doorward.teamUrl);
});

test('two people at once, each in a browser of their own', async ({ browser, doorward }) => {
  const greeted = async (email) => {
    const { storageState } = await doorward.token({ email });
    const context = await browser.newContext({ storageState, baseURL: doorward.url() });
    const page = await context.newPage();
    await page.goto('/');
    await expect(page.locator('body')).toContainText(email);
    await context.close();
  };
  await Promise.all([greeted('alice@example.com'), greeted('bob@example.com')]);
});
