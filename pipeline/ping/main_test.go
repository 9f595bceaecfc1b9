package ping_test

import (
	"testing"

	"enrow-export/pipeline/pipelinetest"
)

func TestMain(m *testing.M) { pipelinetest.Main(m) }
