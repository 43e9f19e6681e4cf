package cli

import (
	"io"
	"os"
	"strings"
	"testing"
)

func TestTriggerFromSurroundings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		env       map[string]string
		event     string
		terminal  bool
		ancestors []string
		want      string
	}{
		{name: "a person", terminal: true, want: "manual"},
		{name: "nothing is known", ancestors: []string{"sh", "systemd"}, want: "manual"},
		{name: "cron", ancestors: []string{"backup.sh", "sh", "cron", "cron"}, want: "scheduled:cron"},
		{name: "a shell that cron's grandchild opened for a person", terminal: true, ancestors: []string{"bash", "tmux", "cron"}, want: "manual"},
		{name: "a timer of systemd", env: map[string]string{"TRIGGER_UNIT": "nightly.timer", "TRIGGER_TIMER_REALTIME_USEC": "1", "INVOCATION_ID": "x"}, want: "scheduled:nightly.timer"},
		{name: "a path of systemd", env: map[string]string{"TRIGGER_UNIT": "inbox.path", "INVOCATION_ID": "x"}, want: "manual"},
		{name: "a service of systemd", env: map[string]string{"INVOCATION_ID": "x"}, want: "manual"},
		{
			name: "a run around", env: map[string]string{"WHODID_EXECUTION": "exec-7k2m9q4tz8w1c3ab", "WHODID_TRIGGER": "event:issues.labeled", "GITHUB_ACTIONS": "true"},
			want: "event:issues.labeled",
		},
		{name: "a trigger without a run", env: map[string]string{"WHODID_TRIGGER": "scheduled"}, want: "manual"},
		{
			name: "an issue on GitHub", env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "issues", "GITHUB_EVENT_PATH": "event.json"},
			event: `{"action":"labeled","issue":{"title":"secret plans"}}`, want: "event:issues.labeled",
		},
		{
			name: "a schedule on GitHub", env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "schedule", "GITHUB_EVENT_PATH": "event.json"},
			event: `{"schedule":"0 3 * * 1-5"}`, want: "scheduled:0 3 * * 1-5",
		},
		{name: "a person on GitHub", env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "workflow_dispatch"}, want: "manual"},
		{name: "a push on GitHub", env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": "gone"}, want: "event:push"},
		{
			name: "an event that is cut", env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "issues", "GITHUB_EVENT_PATH": "event.json"},
			event: `{"action":"labe`, want: "event:issues",
		},
		{
			name: "an event that is no word", env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "issues\nTitle", "GITHUB_EVENT_PATH": "event.json"},
			event: `{"action":"my password is x"}`, want: "event",
		},
		{name: "GitHub, but no event", env: map[string]string{"GITHUB_ACTIONS": "true"}, want: "event"},
		{name: "a schedule on GitLab", env: map[string]string{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "schedule"}, want: "scheduled"},
		{name: "a person on GitLab", env: map[string]string{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "web"}, want: "manual"},
		{name: "a merge request on GitLab", env: map[string]string{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event"}, want: "event:merge_request_event"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := surroundings{
				env: func(name string) string { return c.env[name] }, terminal: c.terminal,
				ancestors: func() []string { return c.ancestors },
				open: func(path string) (io.ReadCloser, error) {
					if path != "event.json" {
						return nil, os.ErrNotExist
					}
					return io.NopCloser(strings.NewReader(c.event)), nil
				},
			}
			if got := joinTrigger(s.trigger()); got != c.want {
				t.Errorf("trigger %q, want %q", got, c.want)
			}
		})
	}
}

// FuzzGitHubEvent checks that whatever stands in an event's payload, nothing
// but words comes out of it.
func FuzzGitHubEvent(f *testing.F) {
	f.Add("issues", `{"action":"labeled","schedule":"0 3 * * *"}`)
	f.Add("schedule", `{"schedule":"\u0000"}`)
	f.Fuzz(func(t *testing.T, name, event string) {
		s := surroundings{
			env: func(v string) string {
				return map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": "p"}[v]
			},
			open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(event)), nil },
		}
		kind, detail := s.trigger()
		if kind == "" || len(detail) > 130 || strings.ContainsAny(detail, "\n\x00\"'`$()<>") {
			t.Errorf("%q %q", kind, detail)
		}
	})
}
