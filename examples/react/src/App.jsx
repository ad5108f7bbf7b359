import { createClient } from '@gatehouse-auth/client';
import { useEffect, useState, useSyncExternalStore } from 'react';

const gatehouse = createClient({
  url: import.meta.env.VITE_GATEHOUSE_URL ?? 'http://localhost:4000',
  transport: 'cookie',
});

export function App() {
  const user = useSyncExternalStore(gatehouse.onChange, () => gatehouse.user);
  const [failure, setFailure] = useState('');
  useEffect(() => {
    gatehouse.me().catch((error) => setFailure(error.message)); // the session after a reload
  }, []);

  if (failure) return <p role="alert">{failure}</p>;
  if (user === undefined) return <p>Loading…</p>;
  return user ? <Account user={user} /> : <LoginForm />;
}

function LoginForm() {
  const [message, setMessage] = useState('');
  const logIn = async (event) => {
    event.preventDefault();
    const input = Object.fromEntries(new FormData(event.currentTarget));
    const result = await gatehouse.login(input).catch((error) => error);
    if (!result.user) setMessage(result.message);
  };
  return (
    <form onSubmit={logIn}>
      <input name="email" aria-label="Email" autoComplete="username" required />
      <input
        name="password"
        aria-label="Password"
        type="password"
        autoComplete="current-password"
        required
      />
      <button type="submit">Log in</button>
      <p role="alert">{message}</p>
    </form>
  );
}

function Account({ user }) {
  return (
    <main>
      <p>Hello, {user.fullName}</p>
      <button type="button" onClick={() => gatehouse.logout()}>
        Log out
      </button>
    </main>
  );
}
