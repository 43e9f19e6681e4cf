package cli

import (
	"log/slog"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/connections"
)

// TestWebhookThatIsGone takes a webhook out of the connections of a server: it is
// recorded once, and no other server's.
func TestWebhookThatIsGone(t *testing.T) {
	t.Parallel()
	p, tr, orgs, _, _ := served(t)
	org, err := orgs.tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	for _, hook := range []string{"shop", "lab"} {
		if _, err := org.Recorder.Record(t.Context(), whodid.Event{
			Key: "hook/" + hook, What: "forge.hook", Target: "acme/" + hook, At: p.Now(), Actor: whodid.System, Source: "webhook:github",
			Data: whodid.Data{"hook": hook, "repository": "acme/" + hook},
		}); err != nil {
			t.Fatal(err)
		}
	}
	gone := func(connected *connections.File) (repositories []string) {
		t.Helper()
		c := &chores{p: p, trail: tr, orgs: orgs, log: slog.New(slog.DiscardHandler), connected: connected, unhooked: map[string]bool{}}
		for range 2 {
			if err := c.unhook(t.Context(), "acme", org); err != nil {
				t.Fatal(err)
			}
		}
		list, err := org.Asker.Hooks(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range list.Hooks {
			if h.GoneAt != nil {
				repositories = append(repositories, h.Repository)
			}
		}
		return repositories
	}
	named := connections.Webhook{Name: "lab", Forge: "github", Org: "acme"}
	if got := gone(nil); got != nil {
		t.Errorf("a server without connections says that %v are gone", got)
	}
	both := &connections.File{Webhooks: []connections.Webhook{named, {Name: "shop", Forge: "github", Org: "acme"}}}
	if got := gone(both); got != nil {
		t.Errorf("%v are gone, and the connections name them", got)
	}
	elsewhere := &connections.File{Webhooks: []connections.Webhook{named, {Name: "shop", Forge: "gitlab", Org: "acme"}, {Name: "shop", Forge: "github", Org: "other"}}}
	for range 2 {
		if got := gone(elsewhere); len(got) != 1 || got[0] != "acme/shop" {
			t.Errorf("%v are gone, want acme/shop", got)
		}
	}
	if head, err := tr.store.Head(t.Context(), "acme"); err != nil || head.Frontier.Size() != 3 {
		t.Errorf("the log has %d events, %v", head.Frontier.Size(), err)
	}
}
