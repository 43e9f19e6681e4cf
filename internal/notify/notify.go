// Package notify tells people that a decision of theirs is wanted, or that
// something was done that they want to hear of: by a webhook that takes what
// Slack's takes, and by a command. It is a sender of package sink, which keeps the
// cursor and tries again, so that each notification is sent at least once.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/sink"
)

// Timeout bounds how long a webhook or a command may take.
const Timeout = 10 * time.Second

// Sender tells people of the events of a log that they want to hear of.
type Sender struct {
	// Webhook is posted {"text": …}; empty is none.
	Webhook string
	// Command is a program and its arguments, which gets the text on its standard
	// input; empty is none.
	Command []string
	// Rules say which actions are of the level "notify"; nil is none.
	Rules *policy.Policy
	// Since is from when on something is news; what was recorded before is not told.
	Since func() time.Time
	// Client posts; nil is one that gives up after [Timeout].
	Client *http.Client
}

// Close ends nothing.
func (*Sender) Close() error { return nil }

// told is what is read of an event, in the format of package sink.
type told struct {
	What     string      `json:"what"`
	Actor    string      `json:"actor"`
	Target   string      `json:"target"`
	Why      string      `json:"why"`
	Result   string      `json:"result"`
	Approval string      `json:"approval_id"`
	Recorded time.Time   `json:"recorded_at"`
	Metadata whodid.Data `json:"metadata"`
}

// Send tells of those of the batch that are worth it, all in one text.
func (s *Sender) Send(ctx context.Context, b *sink.Batch) error {
	var lines []string
	for _, record := range b.Records {
		var e told
		if err := json.Unmarshal(record, &e); err != nil {
			return fmt.Errorf("couldn't read an event to tell of: %w", err)
		}
		if s.Since != nil && e.Recorded.Before(s.Since()) {
			continue
		}
		if line := s.line(&e); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	const most = 20 // lines of a message
	if n := len(lines); n > most {
		lines = append(lines[:most], fmt.Sprintf("… and %d more: whodid approval list", n-most))
	}
	text := strings.Join(lines, "\n")
	return errors.Join(s.post(ctx, text), s.run(ctx, text))
}

// line is what is said of an event, or nothing.
func (s *Sender) line(e *told) string {
	agent := whodid.AgentOf(e.Actor)
	switch {
	case e.What == "approval.request":
		what := e.Metadata.String("summary")
		if what == "" {
			what = strings.TrimSpace(e.Metadata.String("type") + " " + e.Target)
		}
		return fmt.Sprintf("%s wants to do: %s. Decide with: whodid approval approve %s --reason REASON (or reject)", e.Metadata.String("for_agent"), what, e.Approval)
	case e.What == "approval.expire":
		return fmt.Sprintf("The request for approval %s ran out before anybody decided.", e.Approval)
	case strings.HasPrefix(e.What, "budget."):
		return strings.TrimSpace(fmt.Sprintf("%s: %s %s", e.What, agent, e.Target))
	case agent == "" || s.Rules == nil || e.Result == string(whodid.ResultBlocked) || e.Result == string(whodid.ResultAttempted):
		return ""
	}
	act := policy.Act{Type: e.What, Target: e.Target, Agent: agent, Branch: e.Metadata.String("branch"), Environment: e.Metadata.String("environment"), Count: -1}
	if strings.HasPrefix(e.What, "file.") {
		act.Path = e.Target
	}
	if level, rule := s.Rules.LevelOf(&act); level == policy.Notify {
		return fmt.Sprintf("%s did: %s %s (%s, rule %s)", agent, e.What, e.Target, e.Result, rule.ID)
	}
	return ""
}

func (s *Sender) post(ctx context.Context, text string) error {
	if s.Webhook == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	// What would be markup is none: a target is anybody's words.
	body, err := json.Marshal(map[string]string{"text": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)})
	if err != nil {
		return fmt.Errorf("couldn't write the notification: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Webhook, bytes.NewReader(body))
	if err != nil {
		return errors.New("couldn't notify: the webhook's address can't be read") // it is a secret
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "whodid")
	client := s.Client
	if client == nil {
		client = &http.Client{Timeout: Timeout}
	}
	res, err := client.Do(r)
	if err != nil {
		return errors.New("couldn't notify: the webhook can't be reached")
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("couldn't notify: the webhook answered %d", res.StatusCode)
	}
	return nil
}

func (s *Sender) run(ctx context.Context, text string) error {
	if len(s.Command) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	c := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
	c.Stdin = strings.NewReader(text + "\n")
	c.WaitDelay = time.Second
	if err := c.Run(); err != nil {
		return fmt.Errorf("couldn't notify: the command %s failed: %w", s.Command[0], err)
	}
	return nil
}
