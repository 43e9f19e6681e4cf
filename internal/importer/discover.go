package importer

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/ingest/agent"
)

// File is a file in which a client keeps a session, or a part of one.
type File struct {
	Client  string
	Path    string
	Size    int64
	ModTime time.Time
}

// Root is a folder below which a client keeps its sessions.
type Root struct{ Client, Path string }

// Env looks up a variable of the environment.
type Env func(name string) string

// Roots are the folders in which the clients keep their sessions on this
// machine, whether or not they are there.
func Roots(home string, env Env) []Root {
	var roots []Root
	add := func(client string, parts ...string) {
		roots = append(roots, Root{Client: client, Path: filepath.Join(parts...)})
	}
	claude := []string{}
	for dir := range strings.SplitSeq(env("CLAUDE_CONFIG_DIR"), ",") {
		if dir = strings.TrimSpace(dir); dir != "" {
			claude = append(claude, dir)
		}
	}
	config := cmp.Or(env("XDG_CONFIG_HOME"), filepath.Join(home, ".config"))
	claude = append(claude, filepath.Join(home, ".claude"), filepath.Join(config, "claude"))
	for _, dir := range claude {
		add(agent.ClaudeCode, dir, "projects")
	}
	codex := cmp.Or(env("CODEX_HOME"), filepath.Join(home, ".codex"))
	add(agent.Codex, codex, "sessions")
	add(agent.Codex, codex, "archived_sessions")
	add(agent.Gemini, cmp.Or(env("GEMINI_CLI_HOME"), home), ".gemini", "tmp")
	add(agent.Copilot, cmp.Or(env("COPILOT_HOME"), filepath.Join(home, ".copilot")), "session-state")
	return slices.Compact(roots)
}

// Discover lists the sessions' files below the roots, the oldest first. What is
// not a regular file is not followed, but for the root itself, which may be a
// link to where its owner keeps it. Folders that can't be read are told to skip.
func Discover(roots []Root, skip func(path string, err error)) []File {
	var files []File
	seen := map[string]bool{}
	for _, root := range roots {
		start, err := filepath.EvalSymlinks(root.Path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				skip(root.Path, err)
			}
			continue
		}
		_ = filepath.WalkDir(start, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				skip(path, err)
				return nil
			}
			client := root.Client
			if !d.Type().IsRegular() || seen[path] || !isSession(path, &client) {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return nil //nolint:nilerr // it was removed a moment ago
			}
			seen[path] = true
			files = append(files, File{Client: client, Path: path, Size: info.Size(), ModTime: info.ModTime()})
			return nil
		})
	}
	slices.SortStableFunc(files, func(a, b File) int {
		return cmp.Or(a.ModTime.Compare(b.ModTime), strings.Compare(a.Path, b.Path))
	})
	return files
}

// Named lists the sessions' files that a person named: files, and folders that
// are searched. client may be empty, and is then told by the files' names.
func Named(paths []string, client string, skip func(path string, err error)) ([]File, error) {
	var files []File
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, fmt.Errorf("couldn't find what to import: %w", err)
		case info.IsDir():
			files = append(files, Discover([]Root{{Client: client, Path: path}}, skip)...)
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("couldn't import %s: it is not a file", path)
		default:
			who := client
			if !isSession(path, &who) && who == "" {
				return nil, fmt.Errorf("couldn't tell whose session %s is: name the client with --client", path)
			}
			files = append(files, File{Client: who, Path: path, Size: info.Size(), ModTime: info.ModTime()})
		}
	}
	return files, nil
}

// isSession tells whether a file is one in which the client keeps sessions, by
// its name and folder. Without a client it says whose it is.
func isSession(path string, client *string) bool {
	who := clientOf(path)
	switch {
	case *client == "":
		*client = who
	case *client != who:
		return false
	}
	return who != ""
}

func clientOf(path string) string {
	name, dir := filepath.Base(path), filepath.Base(filepath.Dir(path))
	ext := filepath.Ext(name)
	switch {
	case strings.HasPrefix(name, "rollout-") && ext == ".jsonl":
		return agent.Codex
	case strings.HasPrefix(name, "session-") && (ext == ".jsonl" || ext == ".json") && dir == "chats":
		return agent.Gemini
	case name == "events.jsonl":
		return agent.Copilot
	case ext != ".jsonl" || dir == "tool-results":
		return ""
	case strings.HasPrefix(name, "agent-"), looksLikeID(strings.TrimSuffix(name, ext)):
		return agent.ClaudeCode
	default:
		return ""
	}
}

// looksLikeID tells the name of a session's file from others, such as
// history.jsonl: it is a UUID.
func looksLikeID(s string) bool {
	return len(s) == 36 && strings.Count(s, "-") == 4 && strings.Trim(s, "0123456789abcdefABCDEF-") == ""
}
