// Command throwaway runs a command with a throwaway PostgreSQL cluster, which it names to the command in WHODID_TEST_POSTGRES and removes
// afterwards, and exits with the command's status:
//
//	go run ./internal/testenv/throwaway go test ./...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/whodid/whodid/internal/testenv"
)

func main() {
	status, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "throwaway:", err)
		os.Exit(1)
	}
	os.Exit(status)
}

func run(command []string) (status int, failed error) {
	if len(command) == 0 {
		return 0, errors.New("couldn't run a command: none was given")
	}
	// Ctrl-C reaches the command by itself, being in our process group; we stay to clean up behind it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Getenv(testenv.PostgresVariable) == "" {
		cluster, err := testenv.StartPostgresCluster(ctx)
		if err != nil {
			return 0, err
		}
		defer func() { failed = errors.Join(failed, cluster.Remove(context.WithoutCancel(ctx))) }()
		if err := os.Setenv(testenv.PostgresVariable, cluster.URL("postgres")); err != nil {
			return 0, fmt.Errorf("couldn't name the cluster: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exit.ExitCode(), nil
	} else if err != nil {
		return 0, fmt.Errorf("couldn't run %s: %w", command[0], err)
	}
	return 0, nil
}
