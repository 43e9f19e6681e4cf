package store_test

import (
	"path/filepath"
	"testing"

	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, sqliteTrail)
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, postgresTrail)
}

// sqliteTrail and postgresTrail are the trails that tests write.
func sqliteTrail(t testing.TB) func(testing.TB) *store.Store {
	return opener(t, filepath.Join(t.TempDir(), "trail.db"))
}

func postgresTrail(t testing.TB) func(testing.TB) *store.Store {
	return opener(t, testenv.Postgres(t))
}

// engines are both trails, by the engine's name.
var engines = map[string]storetest.Trail{"sqlite": sqliteTrail, "postgres": postgresTrail}

// onBoth runs a test on both engines.
func onBoth(t *testing.T, test func(*testing.T, *store.Store)) {
	t.Helper()
	for name, trail := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, trail(t)(t))
		})
	}
}

// opener returns a function that opens the trail at the address.
func opener(t testing.TB, address string) func(testing.TB) *store.Store {
	t.Helper()
	location, err := place.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return func(t testing.TB) *store.Store {
		s, err := store.Open(t.Context(), location)
		if err != nil {
			t.Error(err) // not Fatal: the suite opens in goroutines too
			return nil
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
}
