"""Taxing: what a tax service says of a document becomes its tax; nobody is asked here.

What is known at the desk is used; else ``TaxUnaskedError`` has it asked for once no transaction is open. A
draft goes on without an answer and says so; what is issued never does.
"""

from collections.abc import Sequence
from dataclasses import replace

from jeton.billing.currencies import render_minor
from jeton.billing.invoicing.drafting.composing import tax_whole
from jeton.billing.invoicing.rounding import round_half_even, scale, to_nano
from jeton.billing.invoicing.tax import REASONS, TaxDecision
from jeton.billing.invoicing.words import Rules
from jeton.billing.taxation.errors import TaxAnswerError
from jeton.billing.taxation.words import AnsweredTax, AskedLine, TaxAnswer, TaxQuestion
from jeton.billing.words import VOUCHER_TAX, Document, Line, TaxLine

# What is taken out of a document's own figures may be off by so much (EN 16931, BR-CO-17, as its validators
# understand it: a service may sum its tax by jurisdictions).
OFF_MINOR_MAX = 1
PROVISIONAL = "Provisional: the tax is by the rates of the settings, for want of an answer. {problem}"


def tax_documents(
    documents: Sequence[Document], rules: Rules, agreed_category: str, *, is_binding: bool
) -> list[Document]:
    """These documents with the tax that the service says; as they are where there is no service.

    Raises TaxUnaskedError, TaxAnswerError.
    """
    return [_tax(document, rules, agreed_category, is_binding=is_binding) for document in documents]


def ask_about(document: Document, agreed_category: str) -> TaxQuestion:
    """What the service is asked of a document: the same for every draft that comes to the same."""
    sold = [line for line in document.sold_lines if line.key != VOUCHER_TAX]
    return TaxQuestion(
        kind=document.kind,
        purpose=document.purpose,
        organization_id=str(document.organization_id),
        currency=document.currency,
        on="" if document.issued_on is None else document.issued_on.isoformat(),
        seller=document.seller,
        buyer=document.buyer,
        place_of_supply=document.buyer.country or document.seller.country,
        agreed_category=agreed_category,
        is_tax_included=bool(document.voucher_minor),
        net_amount=render_minor(sum(line.net_minor for line in sold), document.currency),
        lines=tuple(_ask_about_line(line, document.currency) for line in sold),
    )


def retax(document: Document, answer: TaxAnswer) -> Document:
    """The document with an answer's tax; TaxAnswerError for amounts that its own figures contradict."""
    first, *others = answer.taxes
    if not others:
        made = tax_whole(document, TaxDecision(first.category, first.rate, _reason(first)))
        tax = _correct(made.taxes[0], first, document.currency)
        return _total(replace(made, taxes=(replace(tax, reference=answer.reference),)))
    if document.voucher_minor:
        raise TaxAnswerError("a document that prepaid credit paid, with the tax in it, has one tax.")
    lines = tuple(_tax_line(line, answer) for line in document.lines)
    taxes = []
    for one in answer.taxes:
        taxable_minor = sum(line.net_minor for line in document.lines if _find(line, answer) is one)
        bare = TaxLine(
            one.category, one.rate, taxable_minor, round_half_even(taxable_minor * one.rate), _reason(one)
        )
        taxes.append(replace(_correct(bare, one, document.currency), reference=answer.reference))
    return _total(replace(document, lines=lines, taxes=tuple(taxes)))


def _tax(document: Document, rules: Rules, agreed_category: str, *, is_binding: bool) -> Document:
    # Where credit paid all of it nothing is taxed, whatever the rate.
    if rules.tax_desk is None or not (document.lines_minor or document.voucher_minor):
        return document
    answer = rules.tax_desk.get(ask_about(document, agreed_category), is_binding=is_binding)
    if isinstance(answer, TaxAnswer):
        return retax(document, answer)
    return replace(document, notes=(*document.notes, PROVISIONAL.format(problem=answer)))


def _ask_about_line(line: Line, currency: str) -> AskedLine:
    return AskedLine(line.line_id, line.kind, line.description, render_minor(line.net_minor, currency))


def _find(line: Line, answer: TaxAnswer) -> AnsweredTax:
    """The tax of a line: the one that names it, else the one that names none."""
    named = [tax for tax in answer.taxes if line.line_id in tax.line_ids]
    return (named or [tax for tax in answer.taxes if not tax.line_ids])[0]


def _tax_line(line: Line, answer: TaxAnswer) -> Line:
    tax = _find(line, answer)
    return replace(line, tax_category=tax.category, tax_rate=tax.rate)


def _correct(tax: TaxLine, said: AnsweredTax, currency: str) -> TaxLine:
    """With the amount that the service says, if it says one that can be."""
    if said.tax_minor is None or said.tax_minor == tax.tax_minor:
        return tax
    if abs(said.tax_minor - tax.tax_minor) > OFF_MINOR_MAX:
        raise TaxAnswerError(
            f"it says {render_minor(said.tax_minor, currency)} of tax where {said.category} comes to"
            f" {render_minor(tax.tax_minor, currency)} {currency}."
        )
    return replace(tax, tax_minor=said.tax_minor)


def _total(document: Document) -> Document:
    """With the totals that follow from its taxes."""
    per_nano = scale(document.currency, document.rate)
    tax_minor = sum(tax.tax_minor for tax in document.taxes)
    total_minor = document.lines_minor + tax_minor
    return replace(
        document,
        tax_minor=tax_minor,
        total_minor=total_minor,
        tax_nano=to_nano(tax_minor, per_nano),
        total_nano=to_nano(total_minor, per_nano),
    )


def _reason(tax: AnsweredTax) -> str:
    return tax.reason or REASONS[tax.category]
