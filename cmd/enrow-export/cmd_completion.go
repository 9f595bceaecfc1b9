package main

import (
	"embed"
	"fmt"

	"github.com/urfave/cli/v2"
)

// The scripts ask the program itself what can stand at the cursor, so that they need not
// change with its flags.
//
//go:embed completion
var completionScripts embed.FS

var shells = []string{"bash", "zsh", "fish", "powershell"}

func (p *program) completionCommand() command {
	return command{
		name:        "completion",
		topic:       topicLearn,
		usage:       "print the script that completes commands in a shell",
		args:        "SHELL",
		topics:      shells,
		description: "SHELL is bash, zsh, fish or powershell. The packages install the scripts of bash, zsh and fish.",
		examples: []example{
			{"in ~/.bashrc", "source <(enrow-export completion bash)"},
			{"for zsh, in a directory of $fpath", "enrow-export completion zsh > _enrow-export"},
			{"for fish", "enrow-export completion fish > ~/.config/fish/completions/enrow-export.fish"},
			{"in the profile of PowerShell", "enrow-export completion powershell | Out-String | Invoke-Expression"},
		},
		exits:  []exit{{"0", "the script is printed"}, {"1", "stdout cannot be written to"}, usageExit},
		action: p.completion,
	}
}

func (p *program) completion(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("for example enrow-export completion bash", "completion takes one shell: bash, zsh, fish or powershell")
	}
	shell, err := chosen("completion", c.Args().First(), shells)
	if err != nil {
		return err
	}
	script, err := completionScripts.ReadFile("completion/" + shell)
	if err != nil {
		return fmt.Errorf("completion of %s: %w", shell, err)
	}
	_, _ = p.stdout.Write(script) // an error of the writer is kept by output
	return nil
}
