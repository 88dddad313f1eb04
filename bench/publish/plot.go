package main

import (
	"errors"
	"image/color"
	"path/filepath"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/bench/record"
	"github.com/autokill/autokill/bench/target"
)

var grey = color.Gray{Y: 0x90}

// drawAll makes all plots that there are results for.
func drawAll(dir string, targets []target.Target, results []record.Result) error {
	save := func(p *plot.Plot, name string, width, height vg.Length) error {
		return p.Save(width, height, filepath.Join(dir, name+".svg"))
	}
	var failures []error
	if p, lines, err := targetPlot(targets, results); err != nil {
		return err
	} else if lines > 0 {
		failures = append(failures, save(p, "targets", 9*vg.Inch, vg.Length(lines+4)*0.22*vg.Inch))
	}
	for _, b := range []struct{ result, title string }{
		{"StartWait", "start and wait of /bin/true, ms"},
		{"Run", "`true` by a command, ms"},
	} {
		r, ok := record.Find(results, b.result)
		if !ok {
			continue
		}
		p, err := bars(b.title, r)
		if err != nil {
			return err
		}
		failures = append(failures, save(p, strings.ToLower(b.result), 7*vg.Inch, vg.Length(len(r.Values)+3)*0.26*vg.Inch))
	}
	p, lines, err := holderPlot(results)
	if err != nil {
		return err
	}
	if lines > 0 {
		failures = append(failures, save(p, "holderkilled", 6*vg.Inch, 4*vg.Inch))
	}
	if p, lines, err = crowdPlot(results); err != nil {
		return err
	}
	if lines > 0 {
		failures = append(failures, save(p, "tenthousand", 6*vg.Inch, 4*vg.Inch))
	}
	return errors.Join(failures...)
}

func titled(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.Title.Padding = title, vg.Points(8)
	return p
}

// points are values along one axis, with the intervals as error bars.
type points struct {
	plotter.XYs
	low, high []float64
}

func (p *points) add(x, y float64, s beside.Spread, scale float64) {
	p.XYs = append(p.XYs, plotter.XY{X: x, Y: y})
	p.low = append(p.low, (s.Median-s.Low)/scale)
	p.high = append(p.high, (s.High-s.Median)/scale)
}

// XError and YError make error bars of a plotter of them.
func (p *points) XError(i int) (low, high float64) { return p.low[i], p.high[i] }

// YError is the same along the other axis.
func (p *points) YError(i int) (low, high float64) { return p.low[i], p.high[i] }

// targetPlot draws how much of each bound is used, as a share: left of 1 is met. A bound of none
// has no share. A bound from below is turned round.
func targetPlot(targets []target.Target, results []record.Result) (*plot.Plot, int, error) {
	p := titled("measured / bound (left of 1 is met), 95 % intervals")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, shares{}
	var used points
	var names []string
	for i := len(targets) - 1; i >= 0; i-- {
		t := targets[i]
		seen, ok := t.Measured(results)
		if !ok || t.Bound.Limit == 0 || seen.Low <= 0 {
			continue
		}
		share := beside.Spread{Median: seen.Median / t.Bound.Limit, Low: seen.Low / t.Bound.Limit, High: seen.High / t.Bound.Limit}
		if t.Bound.Least {
			share = beside.Spread{Median: 1 / share.Median, Low: 1 / share.High, High: 1 / share.Low}
		}
		used.add(share.Median, float64(len(names)), share, 1)
		names = append(names, t.What)
	}
	if len(names) == 0 {
		return p, 0, nil
	}
	bars, err := plotter.NewXErrorBars(&used)
	if err != nil {
		return nil, 0, err
	}
	dots, err := plotter.NewScatter(used)
	if err != nil {
		return nil, 0, err
	}
	dots.Shape = draw.CircleGlyph{}
	bound, err := plotter.NewLine(plotter.XYs{{X: 1, Y: -0.5}, {X: 1, Y: float64(len(names)) - 0.5}})
	if err != nil {
		return nil, 0, err
	}
	bound.Color, bound.Dashes = grey, []vg.Length{vg.Points(3), vg.Points(3)}
	p.Add(bound, bars, dots)
	p.NominalY(names...)
	p.X.Min, p.X.Max = min(p.X.Min, 0.5), max(p.X.Max, 2)
	return p, len(names), nil
}

// shares are ticks at round shares.
type shares struct{}

// Ticks implements plot.Ticker.
func (shares) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for _, v := range []float64{0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100} {
		if low <= v && v <= high {
			ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', -1, 64)})
		}
	}
	return ticks
}

// bars draws the values of a result, which are nanoseconds, as milliseconds.
func bars(title string, r record.Result) (*plot.Plot, error) {
	p := titled(title)
	var heights plotter.Values
	var tops points
	var names []string
	for i := len(r.Values) - 1; i >= 0; i-- {
		v := r.Values[i]
		heights = append(heights, v.Median/1e6)
		tops.add(v.Median/1e6, float64(len(names)), v.Spread, 1e6)
		names = append(names, v.Name)
	}
	chart, err := plotter.NewBarChart(heights, vg.Points(10))
	if err != nil {
		return nil, err
	}
	chart.Horizontal, chart.Color, chart.LineStyle.Width = true, plotutil.Color(2), 0
	intervals, err := plotter.NewXErrorBars(&tops)
	if err != nil {
		return nil, err
	}
	p.Add(chart, intervals)
	p.NominalY(names...)
	p.X.Min = 0
	return p, nil
}

// holderPlot draws how long it takes until the last child is dead, by how many there were.
func holderPlot(results []record.Result) (*plot.Plot, int, error) {
	p := titled("kill -9 of the holder until the last child is dead, ms")
	p.X.Label.Text = "children"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, vg.Points(8)
	lines := map[string]*points{}
	var names []string
	for _, r := range results {
		children, err := strconv.Atoi(strings.TrimPrefix(r.Name, "HolderKilled/"))
		if err != nil {
			continue
		}
		for _, v := range r.Values {
			if lines[v.Name] == nil {
				lines[v.Name], names = new(points), append(names, v.Name)
			}
			lines[v.Name].add(float64(children), v.Median/1e6, v.Spread, 1e6)
		}
	}
	for i, name := range names {
		if err := addLine(p, i, name, lines[name].XYs, lines[name]); err != nil {
			return nil, 0, err
		}
	}
	return p, len(names), nil
}

// crowdPlot draws what a start takes, by how many children there are already.
func crowdPlot(results []record.Result) (*plot.Plot, int, error) {
	p := titled("start of one more child, ms")
	p.X.Label.Text = "living children"
	p.Y.Min = 0
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, vg.Points(8)
	lines := 0
	for _, r := range results {
		for _, c := range r.Curves {
			xys := make(plotter.XYs, len(c.X))
			for i := range c.X {
				xys[i] = plotter.XY{X: c.X[i], Y: c.Y[i] / 1e6}
			}
			if err := addLine(p, lines, c.Name, xys, nil); err != nil {
				return nil, 0, err
			}
			lines++
		}
	}
	return p, lines, nil
}

// addLine adds a line with points and, if there are any, intervals.
func addLine(p *plot.Plot, number int, name string, xys plotter.XYs, intervals *points) error {
	line, dots, err := plotter.NewLinePoints(xys)
	if err != nil {
		return err
	}
	line.Color, dots.Color, dots.Shape = plotutil.Color(number), plotutil.Color(number), draw.CircleGlyph{}
	p.Add(line, dots)
	p.Legend.Add(name, line, dots)
	if intervals == nil {
		return nil
	}
	bars, err := plotter.NewYErrorBars(intervals)
	if err != nil {
		return err
	}
	bars.Color = plotutil.Color(number)
	p.Add(bars)
	return nil
}
