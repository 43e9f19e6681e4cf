package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// mcpCall is a program of scripts: the protocol's own client starts "whodid mcp",
// calls the tool that is named with the arguments, as JSON, and prints the answer.
// Without a name it prints the tools that there are.
func mcpCall() int {
	ctx := context.Background()
	c := mcp.NewClient(&mcp.Implementation{Name: "Test Client", Version: "1"}, nil)
	program := exec.Command("whodid", "mcp")
	program.Stderr = os.Stderr
	s, err := c.Connect(ctx, &mcp.CommandTransport{Command: program}, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return ExitError
	}
	defer s.Close()
	if len(os.Args) < 2 {
		tools, err := s.ListTools(ctx, nil)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return ExitError
		}
		for _, t := range tools.Tools {
			fmt.Println(t.Name)
		}
		return ExitOK
	}
	r, err := s.CallTool(ctx, &mcp.CallToolParams{Name: os.Args[1], Arguments: json.RawMessage(os.Args[2])})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return ExitError
	}
	for _, content := range r.Content {
		text, ok := content.(*mcp.TextContent)
		if !ok {
			fmt.Fprintf(os.Stderr, "the answer has a %T\n", content)
			return ExitError
		}
		fmt.Println(text.Text)
	}
	if r.IsError {
		return ExitUsage
	}
	return ExitOK
}
