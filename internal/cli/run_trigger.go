package cli

import (
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/runner"
)

// surroundings are what tells what started a run that does not say it.
type surroundings struct {
	env       func(name string) string
	terminal  bool            // a person's terminal is there
	ancestors func() []string // names of the programs that this one descends from
	open      func(path string) (io.ReadCloser, error)
}

func (p *Program) surroundings(terminal bool) surroundings {
	return surroundings{
		env: p.Env, terminal: terminal, ancestors: runner.Ancestors,
		open: func(path string) (io.ReadCloser, error) { return os.Open(path) },
	}
}

// trigger tells what started a run. The first of these that is there decides:
//
//   - a run around this one, whose trigger it shares;
//   - GitHub Actions and GitLab CI, by their variables;
//   - a timer of systemd, which names itself to what it starts since version
//     252. INVOCATION_ID alone says only that some service of systemd is
//     among the ancestors, as it is for every shell of some desktops;
//   - without a terminal, cron or one of its kin among the ancestors;
//   - else it was a person.
func (s *surroundings) trigger() (kind, detail string) {
	if kind, detail, err := whodid.ParseTrigger(s.env("WHODID_TRIGGER")); err == nil && s.env("WHODID_EXECUTION") != "" {
		return kind, word(detail)
	}
	switch {
	case s.env("GITHUB_ACTIONS") == "true":
		return s.github()
	case s.env("GITLAB_CI") == "true":
		return s.gitlab()
	case s.env("TRIGGER_TIMER_REALTIME_USEC") != "" || strings.HasSuffix(s.env("TRIGGER_UNIT"), ".timer"):
		return whodid.TriggerScheduled, word(s.env("TRIGGER_UNIT"))
	case !s.terminal && slices.ContainsFunc(s.ancestors(), isClock):
		return whodid.TriggerScheduled, "cron"
	default:
		return whodid.TriggerManual, ""
	}
}

// isClock knows the programs that start others by the clock.
func isClock(program string) bool {
	switch program {
	case "cron", "crond", "CRON", "fcron", "dcron", "anacron", "supercronic", "atd":
		return true
	default:
		return false
	}
}

// github reads the variables and the event of GitHub Actions:
// https://docs.github.com/en/actions/reference/workflows-and-actions/variables.
func (s *surroundings) github() (kind, detail string) {
	name := word(s.env("GITHUB_EVENT_NAME"))
	event := s.githubEvent()
	switch name {
	case "schedule":
		return whodid.TriggerScheduled, schedule(event.Schedule)
	case "workflow_dispatch":
		return whodid.TriggerManual, ""
	}
	if action := word(event.Action); name != "" && action != "" {
		name += "." + action
	}
	return whodid.TriggerEvent, name
}

// githubEvent is the little that is wanted of an event's payload.
type githubEvent struct {
	Action   string `json:"action"`
	Schedule string `json:"schedule"`
}

// maxEvent is the largest payload of an event that GitHub sends.
const maxEvent = 25 << 20

func (s *surroundings) githubEvent() githubEvent {
	var e githubEvent
	path := s.env("GITHUB_EVENT_PATH")
	if path == "" {
		return e
	}
	f, err := s.open(path)
	if err != nil {
		return e
	}
	defer f.Close()
	if json.NewDecoder(io.LimitReader(f, maxEvent)).Decode(&e) != nil {
		return githubEvent{}
	}
	return e
}

// gitlab reads the variables of GitLab CI:
// https://docs.gitlab.com/ci/jobs/job_rules/#ci_pipeline_source-predefined-variable.
func (s *surroundings) gitlab() (kind, detail string) {
	source := word(s.env("CI_PIPELINE_SOURCE"))
	switch source {
	case "schedule":
		return whodid.TriggerScheduled, ""
	case "web", "webide", "chat":
		return whodid.TriggerManual, ""
	default:
		return whodid.TriggerEvent, source
	}
}

// word returns s if it looks like the name of an event, else nothing:
// variables may hold anything.
func word(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:@"
	if len(s) > 64 || strings.Trim(s, plain) != "" {
		return ""
	}
	return s
}

// schedule returns s if it looks like the five fields of cron.
func schedule(s string) string {
	if len(s) > 64 || strings.Trim(s, "0123456789*/,-#? ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return ""
	}
	return s
}
