package ask_test

import (
	"slices"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

func TestTelemetry(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		event := func(key, what, session string, data whodid.Data) whodid.Event {
			return whodid.Event{
				Key: key, Actor: "system:claude-code", What: what, Session: session, At: storetest.Epoch, Source: "otlp:claude-code", Data: data,
			}
		}
		received := func(key, session string, first, last int64) whodid.Event {
			return event(key, "record.receive", session, whodid.Data{"first": first, "last": last})
		}
		storetest.NewBook(t, s, org).Append(
			t,
			received("1", "whole", 5, 9), received("2", "whole", 0, 6), // out of order, and once more
			event("3", "hook.register", "whole", whodid.Data{"event": "PostToolUse"}),
			received("4", "broken", 0, 3), received("5", "broken", 6, 7), received("6", "broken", 10, 10),
			event("7", "hook.register", "broken", whodid.Data{"event": "SessionStart"}), // not of tools
		)
		got, err := ask.New(s, org, time.Now).Telemetry(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Sessions != 2 || got.Missing != 4 || !slices.Equal(got.Broken, []string{"broken"}) || !slices.Equal(got.Unhooked, []string{"broken"}) {
			t.Errorf("%+v", got)
		}
		if later, err := ask.New(s, org, time.Now).Telemetry(t.Context(), storetest.Epoch.Add(time.Hour)); err != nil || later.Sessions != 0 {
			t.Errorf("afterwards %+v, %v", later, err)
		}
	})
}
