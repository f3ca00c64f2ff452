import { createApp } from './app.js';

const { TEAM_DOMAIN: teamDomain, POLICY_AUD: policyAud, CERTS_URL: certsUrl, PORT = '3000' } = process.env;
createApp({ teamDomain, policyAud, certsUrl }).listen(Number(PORT), '127.0.0.1');
