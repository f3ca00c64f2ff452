import { globalSetup } from '@doorward/test/vitest';

export default globalSetup({ team: 'shared' });
