// What axe finds on a page as it is shown now: every rule on all of the page, but contrast on one of each look.
//
// Whether a text can be read is said by its colour, its size, its weight and what is painted behind it, and a
// page of a thousand texts has a few dozen of such looks. Axe takes three quarters of its time for contrast, so it
// is asked for up to three texts of each look, and only for looks it has not called readable before.
async ([tags, readable]) => {
  const FIELDS = 'input, select, textarea'

  const showsText = (element) =>
    element.matches(FIELDS) ||
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim())

  const behind = new Map()
  // What an element and all around it paint; and what lies over the page is told apart by its name.
  const paints = (element) => {
    if (!element) return ''
    if (!behind.has(element)) {
      const style = getComputedStyle(element)
      const own = [
        style.backgroundColor === 'rgba(0, 0, 0, 0)' ? '' : style.backgroundColor,
        style.backgroundImage === 'none' ? '' : style.backgroundImage,
        style.opacity === '1' ? '' : style.opacity,
        style.filter === 'none' ? '' : style.filter,
        style.mixBlendMode === 'normal' ? '' : style.mixBlendMode,
        style.position === 'static' ? '' : `${style.position} ${element.localName} ${element.className}`,
      ].join('')
      behind.set(element, paints(element.parentElement) + (own && `/${own}`))
    }
    return behind.get(element)
  }

  const look = (element) => {
    const style = getComputedStyle(element)
    return [
      style.color, style.fill, style.fontSize, style.fontWeight, style.textShadow,
      element.matches(FIELDS) ? element.localName : '',
      element.closest('[disabled], [aria-disabled="true"]') ? 'disabled' : '',
      paints(element),
    ].join(' ')
  }

  const looks = new Map()
  for (const element of document.body.querySelectorAll('*')) {
    if (!showsText(element) || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
    const name = look(element)
    if (readable.includes(name)) continue
    if (!looks.has(name)) looks.set(name, [])
    looks.get(name).push(element)
  }
  const chosen = new Map()
  for (const [name, elements] of looks) {
    const last = elements.length - 1
    for (const place of new Set([0, Math.floor(last / 2), last])) chosen.set(elements[place], name)
  }

  const all = await axe.run(document, {
    runOnly: { type: 'tag', values: tags },
    rules: { 'color-contrast': { enabled: false } },
    resultTypes: ['violations'],
  })
  const violations = [...all.violations]
  const passed = new Set()
  if (chosen.size) {
    const contrast = await axe.run({ include: [...chosen.keys()] }, {
      runOnly: { type: 'rule', values: ['color-contrast'] },
      resultTypes: ['violations', 'passes'],
      elementRef: true,
    })
    violations.push(...contrast.violations)
    for (const { nodes } of contrast.passes) for (const node of nodes) passed.add(chosen.get(node.element))
    for (const { nodes } of contrast.violations) for (const node of nodes) passed.delete(chosen.get(node.element))
  }
  passed.delete(undefined)
  return {
    readable: [...passed],
    problems: violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => [id, `${target} ${failureSummary.replaceAll('\n', ' ')}`])),
  }
}
