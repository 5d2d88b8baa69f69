(() => {
  'use strict';
  const data = JSON.parse(document.getElementById('data').textContent);
  const HEIGHT = 220;
  const TOP = 12;

  function svg(name, attributes, parent, text) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  }

  function html(name, attributes, parent, text) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  }

  function format(value, digits) {
    if (value === null || value === undefined) return 'not finite';
    const size = Math.abs(value);
    if (size >= 1e6 || (size > 0 && size < 1e-3)) {
      const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
      return Number(mantissa) + 'e' + Number(exponent);
    }
    const rounded = Number(value.toPrecision(digits));
    return rounded.toLocaleString('en', {maximumFractionDigits: 10}).replace('-', '\u2212');
  }

  /** Multiples of 1, 2 or 5 times a power of ten within the range. */
  function linearTicks(low, high, wanted) {
    const rough = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= rough * 0.75);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
      ticks.push(Number((i * step).toPrecision(12)));
    }
    return ticks;
  }

  function logTicks(low, high) {
    const span = Math.log10(high / low);
    const factors = span > 2.5 ? [1] : [1, 2, 5];
    const every = Math.max(1, Math.ceil(span / 6));
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
      if (power % every !== 0) continue;
      for (const factor of factors) {
        const tick = Number((factor * 10 ** power).toPrecision(12));
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    return ticks.length >= 3 ? ticks : linearTicks(low, high, 4);
  }

  function nearest(xs, x) {
    let low = 0;
    let high = xs.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle] <= x) low = middle; else high = middle;
    }
    return x - xs[low] <= xs[high] - x ? low : high;
  }

  class Chart {
    constructor(figure, spec) {
      this.figure = figure;
      this.spec = spec;
      this.log = false;
      const top = html('div', {class: 'top'});
      figure.prepend(top);
      top.append(figure.querySelector('figcaption'));
      const positive = spec.series.flatMap(s => s.y).filter(v => v > 0);
      if (positive.length > 1) this.addToggle(top);
      if (spec.series.length > 1) this.addLegend();
      this.readout = html('output', {'aria-live': 'polite'}, figure);
      this.picture = svg('svg', {role: 'img', tabindex: '0', 'aria-label': this.summary()}, figure);
      this.picture.addEventListener('pointermove', e => this.point(e));
      this.picture.addEventListener('pointerdown', e => this.point(e));
      this.picture.addEventListener('pointerleave', () => this.select(null));
      this.picture.addEventListener('keydown', e => this.key(e));
      this.picture.addEventListener('blur', () => this.select(null));
      this.selected = null;
    }

    addToggle(top) {
      const button = html('button', {type: 'button', 'aria-pressed': 'false', 'aria-label': 'Logarithmic axis'}, top, 'log');
      button.addEventListener('click', () => {
        this.log = !this.log;
        button.setAttribute('aria-pressed', String(this.log));
        this.draw();
      });
    }

    addLegend() {
      const legend = html('div', {class: 'legend'}, this.figure);
      this.spec.series.forEach((series, i) => {
        const item = html('span', {}, legend);
        const swatch = svg('svg', {width: 28, height: 8, 'aria-hidden': 'true'}, item);
        svg('path', {class: `line strong series${i}`, d: 'M1,4H27'}, swatch);
        item.append(series.name);
      });
    }

    summary() {
      return this.spec.title + ' against the step. ' + this.spec.series.map(s => {
        const first = s.y.findIndex(v => v !== null);
        const last = s.y.length - 1 - [...s.y].reverse().findIndex(v => v !== null);
        const name = s.name === this.spec.title ? '' : s.name + ': ';
        return `${name}${format(s.y[first], 4)} at step ${s.x[first]}, ${format(s.y[last], 4)} at step ${s.x[last]}.`;
      }).join(' ');
    }

    range() {
      const shown = this.spec.series.flatMap(s => s.y.concat(s.smooth || []))
          .filter(v => v !== null && (!this.log || v > 0));
      if (this.spec.reference > 0 || (this.spec.reference === 0 && !this.log)) shown.push(this.spec.reference);
      let low = shown.reduce((a, b) => Math.min(a, b), Infinity);
      let high = shown.reduce((a, b) => Math.max(a, b), -Infinity);
      if (this.log) {
        return low === high ? [low / 2, high * 2] : [low / (high / low) ** 0.04, high * (high / low) ** 0.04];
      }
      const fromZero = this.spec.zero && low >= 0;
      if (this.spec.zero) {
        low = Math.min(0, low);
        high = Math.max(0, high);
      }
      if (low === high) {
        const room = Math.abs(low) * 0.1 || 1;
        return [fromZero ? 0 : low - room, high + room];
      }
      const room = (high - low) * 0.06;
      return [fromZero ? 0 : low - room, high + room];
    }

    draw() {
      const width = Math.max(240, this.picture.getBoundingClientRect().width || 340);
      this.picture.replaceChildren();
      this.picture.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
      const [low, high] = this.range();
      const yTicks = this.log ? logTicks(low, high) : linearTicks(low, high, 5);
      const labels = yTicks.map(t => format(t, 6));
      const left = 10 + 7.2 * Math.max(...labels.map(l => l.length));
      const right = width - 16;
      const bottom = HEIGHT - 38;
      const xs = this.spec.series.flatMap(s => [s.x[0], s.x[s.x.length - 1]]);
      let first = Math.min(...xs);
      let last = Math.max(...xs);
      if (first === last) {
        first -= 1;
        last += 1;
      }
      this.x = step => left + (step - first) / (last - first) * (right - left);
      this.step = x => first + (x - left) / (right - left) * (last - first);
      const scale = this.log ? Math.log10 : v => v;
      this.y = v => bottom - (scale(v) - scale(low)) / (scale(high) - scale(low)) * (bottom - TOP);
      yTicks.forEach((tick, i) => {
        svg('path', {class: 'grid', d: `M${left},${this.y(tick)}H${right}`}, this.picture);
        svg('text', {x: left - 6, y: this.y(tick) + 4, 'text-anchor': 'end'}, this.picture, labels[i]);
      });
      for (const tick of linearTicks(first, last, Math.max(2, Math.floor((right - left) / 75)))) {
        if (tick !== Math.round(tick)) continue;
        svg('path', {class: 'axis', d: `M${this.x(tick)},${bottom}v4`}, this.picture);
        const label = format(tick, 6);
        const x = Math.min(this.x(tick), width - 3.6 * label.length - 2);
        svg('text', {x, y: bottom + 17, 'text-anchor': 'middle'}, this.picture, label);
      }
      svg('path', {class: 'axis', d: `M${left},${bottom}H${right}`}, this.picture);
      svg('text', {x: (left + right) / 2, y: HEIGHT - 4, 'text-anchor': 'middle'}, this.picture, 'step');
      this.drawReference(left, right);
      this.spec.series.forEach((series, i) => this.drawSeries(series, i));
      this.marks = svg('g', {}, this.picture);
      this.bottom = bottom;
      this.select(this.selected);
    }

    drawReference(left, right) {
      const value = this.spec.reference;
      if (value === undefined || (this.log && value <= 0)) return;
      svg('path', {class: 'reference', d: `M${left},${this.y(value)}H${right}`}, this.picture);
      svg('text', {x: right - 4, y: this.y(value) + 14, 'text-anchor': 'end'}, this.picture, this.spec.referenceName);
    }

    drawSeries(series, index) {
      if (series.smooth) {
        svg('path', {class: `line raw${index}`, d: this.path(series.x, series.y)}, this.picture);
      }
      svg('path', {class: `line strong series${index}`, d: this.path(series.x, series.smooth || series.y)}, this.picture);
      if (series.x.length > 40) return;
      series.x.forEach((x, i) => {
        if (this.drawable(series.y[i])) {
          svg('circle', {class: `dot${index}`, cx: this.x(x), cy: this.y(series.y[i]), r: 2.5}, this.picture);
        }
      });
    }

    drawable(value) {
      return value !== null && (!this.log || value > 0);
    }

    /** A value that is missing, or cannot be drawn on a logarithmic axis, leaves a gap. */
    path(xs, ys) {
      let d = '';
      let pen = 'M';
      for (let i = 0; i < xs.length; i++) {
        if (this.drawable(ys[i])) {
          d += `${pen}${this.x(xs[i]).toFixed(1)},${this.y(ys[i]).toFixed(1)}`;
          pen = 'L';
        } else {
          pen = 'M';
        }
      }
      return d;
    }

    point(event) {
      const box = this.picture.getBoundingClientRect();
      const width = this.picture.viewBox.baseVal.width;
      this.select(nearest(this.spec.series[0].x, this.step((event.clientX - box.left) * width / box.width)));
    }

    key(event) {
      const count = this.spec.series[0].x.length;
      const now = this.selected === null ? count - 1 : this.selected;
      const stride = event.shiftKey ? Math.max(1, Math.round(count / 50)) : 1;
      const next = {ArrowLeft: now - stride, ArrowRight: now + stride, Home: 0, End: count - 1}[event.key];
      if (next === undefined) return;
      event.preventDefault();
      this.select(Math.max(0, Math.min(count - 1, next)));
    }

    /** Shows the values at a point of the first series, or at its end when nothing is selected. */
    select(index) {
      this.selected = index;
      this.marks.replaceChildren();
      const xs = this.spec.series[0].x;
      const step = xs[index === null ? xs.length - 1 : index];
      const epoch = data.stepsPerEpoch ? `, epoch ${format(step / data.stepsPerEpoch, 3)}` : '';
      const values = this.spec.series.map((series, i) => {
        const at = nearest(series.x, step);
        const value = series.smooth ? series.smooth[at] : series.y[at];
        if (index !== null && this.drawable(value)) {
          svg('circle', {class: `dot${i}`, cx: this.x(series.x[at]), cy: this.y(value), r: 4}, this.marks);
        }
        return format(series.y[at], 4) + (series.smooth ? ` (mean ${format(value, 4)})` : '');
      });
      if (index !== null) {
        svg('path', {class: 'cursor', d: `M${this.x(step)},${TOP}V${this.bottom}`}, this.marks);
      }
      this.readout.textContent = `step ${step.toLocaleString('en')}${epoch}: ${values.join(' / ')}`;
    }
  }

  const charts = [...document.querySelectorAll('[data-chart]')]
      .map(figure => new Chart(figure, data.charts[Number(figure.dataset.chart)]));
  charts.forEach(chart => chart.draw());
  document.documentElement.dataset.drawn = String(charts.length);
  let width = window.innerWidth;
  window.addEventListener('resize', () => {
    if (window.innerWidth !== width) {
      width = window.innerWidth;
      charts.forEach(chart => chart.draw());
    }
  });
})();
