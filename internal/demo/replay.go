package main

import (
	"bufio"
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// captured is what a Claude Code client told its hooks and left as transcripts
// when the scripted model drove it. Its paths are those of placeholders.
//
//go:embed testdata
var captured embed.FS

// The captured run's home and repository, for which the demo's own are put.
const (
	capturedHome       = "/home/dev"
	capturedRepository = "/home/dev/shop"
)

// replay plays the captured run through the same door: each payload to the
// hook, on standard input, and the transcripts where the client leaves them.
func (s *show) replay() error {
	hooks, err := s.placeCapture()
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(hooks))
	lines.Buffer(nil, 16<<20)
	count := 0
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		c := s.command(filepath.Join(s.bin, "whodid-hook"))
		c.Env = append(c.Env, "WHODID_AGENT=engineering/issue-solver", "WHODID_TRIGGER=event:issue.labeled")
		c.Stdin = bytes.NewReader(lines.Bytes())
		c.Stderr = os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("couldn't call the hook: %w", err)
		}
		count++
	}
	fmt.Printf("(%d calls of the hook)\n", count)
	return lines.Err()
}

// placeCapture writes the transcripts to where the payloads say they are, in
// the throwaway home, and returns the payloads of the hooks.
func (s *show) placeCapture() ([]byte, error) {
	mine := strings.NewReplacer(capturedRepository, s.workspace.Repository, capturedHome, s.workspace.Home)
	projects := filepath.Join(s.workspace.Home, ".claude", "projects", "-home-dev-shop")
	var hooks []byte
	err := fs.WalkDir(captured, "testdata", func(name string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".jsonl" {
			return err
		}
		text, err := captured.ReadFile(name)
		if err != nil {
			return err
		}
		text = []byte(mine.Replace(string(text)))
		if path.Base(name) == "hooks.jsonl" {
			hooks = text
			return nil
		}
		to := filepath.Join(projects, filepath.FromSlash(strings.TrimPrefix(name, "testdata/")))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600)
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't place the captured run: %w", err)
	}
	return hooks, nil
}
