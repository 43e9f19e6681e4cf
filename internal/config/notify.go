package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
)

// Notify says who is told that a decision is wanted, or that something was done
// that a rule wants to be told of.
type Notify struct {
	// Webhook is posted {"text": …}, as Slack's incoming webhooks take it.
	Webhook Secret `toml:"webhook"`
	// Command is a program and its arguments, which gets the text on its standard
	// input.
	Command []string `toml:"command"`
}

// LoadNotify reads the table [notify] of a user's settings; where there is none it
// is empty. A policy has no such table: who can write into a repository must not
// run programs on the machines of others.
func LoadNotify(path string, env func(string) string) (*Notify, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !strings.Contains(string(text), "notify") {
		return &Notify{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read the settings: %w", err)
	}
	var f struct {
		Notify struct {
			Webhook string   `toml:"webhook"`
			Command []string `toml:"command"`
		} `toml:"notify"`
	}
	if _, err := toml.Decode(string(text), &f); err != nil {
		return nil, fmt.Errorf("couldn't read the settings %s: %w", path, err)
	}
	n := &Notify{Command: f.Notify.Command}
	if f.Notify.Webhook == "" {
		return n, nil
	}
	err = n.Webhook.UnmarshalText([]byte(f.Notify.Webhook))
	if err == nil {
		err = n.Webhook.resolve(env)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: notify.webhook: %w", path, err)
	}
	return n, nil
}
