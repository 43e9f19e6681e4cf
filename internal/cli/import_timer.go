package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/whodid/whodid/internal/install"
	"github.com/whodid/whodid/internal/place"
)

// timer is what imports every day: files for the system's own scheduler, and the
// commands that tell it of them.
type timer struct {
	files       map[string]string
	start, stop [][]string
}

// importTimer is the timer of this system: of systemd or launchd. Where there is
// neither, cron can do it.
func (p *Program) importTimer(program string) (timer, bool) {
	home := place.Home(p.Env)
	store := ""
	if p.store != "" {
		store = " --store " + install.Quote(p.store)
	}
	switch runtime.GOOS {
	case "linux":
		config := p.Env("XDG_CONFIG_HOME")
		if config == "" {
			config = filepath.Join(home, ".config")
		}
		dir := filepath.Join(config, "systemd", "user")
		return timer{
			files: map[string]string{
				filepath.Join(dir, "whodid-import.service"): "[Unit]\nDescription=Import the sessions of agents' clients into the audit trail\n\n" +
					"[Service]\nType=oneshot\nNice=10\nExecStart=" + install.Quote(program) + " import" + store + "\n",
				filepath.Join(dir, "whodid-import.timer"): "[Unit]\nDescription=Import the sessions of agents' clients every day\n\n" +
					"[Timer]\nOnCalendar=daily\nRandomizedDelaySec=1h\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n",
			},
			start: [][]string{{"systemctl", "--user", "daemon-reload"}, {"systemctl", "--user", "enable", "--now", "whodid-import.timer"}},
			stop:  [][]string{{"systemctl", "--user", "disable", "--now", "whodid-import.timer"}},
		}, true
	case "darwin":
		path := filepath.Join(home, "Library", "LaunchAgents", "dev.whodid.import.plist")
		args := "<string>" + xmlText(program) + "</string><string>import</string>"
		if p.store != "" {
			args += "<string>--store</string><string>" + xmlText(p.store) + "</string>"
		}
		return timer{
			files: map[string]string{path: `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>Label</key><string>dev.whodid.import</string>
<key>ProgramArguments</key><array>` + args + `</array>
<key>StartCalendarInterval</key><dict><key>Hour</key><integer>12</integer><key>Minute</key><integer>7</integer></dict>
</dict></plist>
`},
			start: [][]string{{"launchctl", "load", path}},
			stop:  [][]string{{"launchctl", "unload", path}},
		}, true
	default:
		return timer{}, false
	}
}

func xmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// installTimer lets the system import every day, and says what a person has to
// do for it.
func (p *Program) installTimer(ctx context.Context) error {
	text, err := p.putTimer(ctx)
	if err == nil {
		_, err = fmt.Fprint(p.Stdout, text)
	}
	return err
}

// putTimer writes the timer and starts it. What it can't do by itself is in the
// text that it returns.
func (p *Program) putTimer(ctx context.Context) (text string, err error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("couldn't find this program: %w", err)
	}
	t, ok := p.importTimer(program)
	if !ok {
		return fmt.Sprintf("Add this line with crontab -e:\n\n7 12 * * * %s import\n", install.Quote(program)), nil
	}
	for path, text := range t.files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", fmt.Errorf("couldn't install the timer: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return "", fmt.Errorf("couldn't install the timer: %w", err)
		}
	}
	for _, command := range t.start {
		if err := runQuietly(ctx, command); err != nil {
			return fmt.Sprintf("The timer is written; start it with:\n\n  %s\n", strings.Join(command, " ")), nil
		}
	}
	return "Sessions are imported every day from now on.\n", nil
}

// removeTimer takes the timer away again.
func (p *Program) removeTimer(ctx context.Context) error {
	if _, ok := p.importTimer(""); !ok {
		fmt.Fprintln(p.Stdout, "Take the line out with crontab -e.")
		return nil
	}
	if err := p.dropTimer(ctx); err != nil {
		return err
	}
	fmt.Fprintln(p.Stdout, "Sessions are not imported by a timer.")
	return nil
}

// hasTimer tells whether the timer is written.
func (p *Program) hasTimer() bool {
	t, _ := p.importTimer("")
	for path := range t.files {
		if _, err := os.Lstat(path); err == nil {
			return true
		}
	}
	return false
}

func (p *Program) dropTimer(ctx context.Context) error {
	t, _ := p.importTimer("")
	for _, command := range t.stop {
		_ = runQuietly(ctx, command) // it may not be running
	}
	for path := range t.files {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("couldn't remove the timer: %w", err)
		}
	}
	return nil
}

func runQuietly(ctx context.Context, command []string) error {
	return exec.CommandContext(ctx, command[0], command[1:]...).Run()
}
